"""The compiled loop over Kafka's records, which never reads outside the bytes it was given.

https://kafka.apache.org/documentation/#record
"""

from typing import Any, Final

import numba as nb
import numpy as np
from numba import types
from numpy.typing import NDArray

from pipeline.codecs.wire_kernels import varint

OFFSET: Final = 0
TIMESTAMP: Final = 1
RECORD: Final = 2
START: Final = 3
END: Final = 4
RECORD_PLACES: Final = 5
"""What is told of a record: offset, timestamp (ms), where it begins, and where its value begins
and ends."""

NO_VALUE: Final = -1
"""Begin and end of a value that is null."""

_BYTES_IN: Final = types.Array(types.uint8, 1, "C", readonly=True)

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]


@nb.njit(
    types.int64(
        _BYTES_IN, types.int64, types.int64, types.int64, types.int64, types.int64, types.int64,
        types.int64, types.int64[:, ::1], types.int64,
    ),
    cache=True,
)  # fmt: skip
def walk_records(
    data: Bytes,
    at: Any,
    stop: Any,
    records: int,
    base_offset: int,
    base_timestamp_ms: int,
    first: int,
    end: int,
    found: Longs,
    kept: int,
) -> int:
    """Find the records of a batch whose offset is at least ``first`` and below ``end``.

    The batch's records are the bytes from ``at`` to ``stop``. They are told in ``found``, whose
    rows are named above, from column ``kept`` on. Returns the column after the last; -1 if the
    bytes are not that many whole records.
    """
    memory: Any = np.int64(data.ctypes.data)
    for _ in range(records):
        began = at
        length, at = varint(memory, at, stop)
        if at < 0 or length < 1 or length > stop - at:
            return -1
        until = at + length
        at += 1
        timestamp, at = varint(memory, at, until)
        if at < 0:
            return -1
        offset, at = varint(memory, at, until)
        if at < 0:
            return -1
        size, at = varint(memory, at, until)
        if at < 0 or size < -1 or size > until - at:
            return -1
        at += max(size, 0)
        size, at = varint(memory, at, until)
        if at < 0 or size < -1 or size > until - at:
            return -1
        value = at
        at += max(size, 0)
        headers, at = varint(memory, at, until)
        if at < 0 or headers < 0:
            return -1
        # A header is a name, never null, and a value.
        for part in range(2 * headers):
            length, at = varint(memory, at, until)
            if at < 0 or length < -1 + (part + 1) % 2 or length > until - at:
                return -1
            at += max(length, 0)
        if at != until:
            return -1
        if first <= base_offset + offset < end:
            found[OFFSET, kept] = base_offset + offset
            found[TIMESTAMP, kept] = base_timestamp_ms + timestamp
            found[RECORD, kept] = began
            found[START, kept] = value if size >= 0 else NO_VALUE
            found[END, kept] = value + size if size >= 0 else NO_VALUE
            kept += 1
    return kept if at == stop else -1
