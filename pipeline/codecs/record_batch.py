"""The records section of Kafka's record batches (message format 2).

https://kafka.apache.org/documentation/#recordbatch: a record is its length, attributes (0),
timestamp delta (0: all records have the batch's time), offset delta, key, value, header count (0).
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.codecs import record_batch_kernels as kernels
from pipeline.codecs.arrow_bytes import Bytes, bytes_of, offsets_of

_ALL: Final = np.zeros(0, np.uint8)


def record_batch_bodies(
    keys: pa.BinaryArray | None, values: pa.BinaryArray, *, limit_bytes: int
) -> Iterator[tuple[int, memoryview]]:
    """Yield (number of records, their bytes) of batches of at most ``limit_bytes``.

    A record that is longer than the limit is a batch of its own. ``keys`` None means that every
    key is null; single keys and values may be null too.
    """
    count = len(values)
    if not count:
        return
    if keys is None:
        keys = pa.nulls(count, pa.binary())
    key_offsets, key_there, key_data = _columns(keys)
    value_offsets, value_there, value_data = _columns(values)
    lengths, firsts, ends = np.empty((3, count), np.int64)
    batches = kernels.cut_batches(
        key_offsets, key_there, value_offsets, value_there, limit_bytes, lengths, firsts, ends
    )
    firsts, ends = firsts[:batches], ends[:batches]
    body = np.empty(ends[-1], np.uint8)
    kernels.write_records(
        *(key_offsets, key_there, key_data),
        *(value_offsets, value_there, value_data),
        *(lengths, firsts, body),
    )
    begin = 0
    for records, end in zip(np.diff(firsts, append=count).tolist(), ends.tolist(), strict=True):
        yield records, body[begin:end].data
        begin = end


def _columns(values: pa.BinaryArray) -> tuple[NDArray[np.int32], Bytes, Bytes]:
    """Return where values begin, which are there (empty: all), and the bytes they begin in."""
    there = _ALL
    if values.null_count:
        there = values.is_valid().to_numpy(zero_copy_only=False).view(np.uint8)
    return offsets_of(values), there, bytes_of(values)
