"""Kafka's records written out of columns of keys and values.

https://kafka.apache.org/documentation/#record
"""

from typing import Any, Final

import numba
import numpy as np
from numba import types

from pipeline.codecs.wire_kernels import varint_length, write_varint
from pipeline.domain.memory_kernels import copy_bytes, set_byte

_BYTES: Final = types.Array(types.uint8, 1, "C", readonly=True)
_OFFSETS: Final = types.Array(types.int32, 1, "C", readonly=True)
_COLUMN: Final = (_OFFSETS, _BYTES)

_FIXED: Final = 3
"""Bytes of attributes, timestamp delta and header count, which are all 0."""


@numba.njit(types.int64(types.int32, types.int32, types.boolean), cache=True, inline="always")
def _size(begin: Any, end: Any, null: Any) -> Any:
    """Return the length of a key or value, -1 for null."""
    return np.int64(-1) if null else np.int64(end) - np.int64(begin)


@numba.njit(types.int64(types.int64, types.int64), cache=True, inline="always")
def _payload(key_size: Any, value_size: Any) -> Any:
    """Return the length of a record without its own length and its offset delta."""
    sizes = max(key_size, np.int64(0)) + max(value_size, np.int64(0))
    return _FIXED + varint_length(key_size) + varint_length(value_size) + sizes


@numba.njit(
    types.int64(
        *_COLUMN, *_COLUMN, types.int64, types.int64[::1], types.int64[::1], types.int64[::1]
    ),
    cache=True,
    nogil=True,
)
def cut_batches(
    key_offsets: Any,
    key_there: Any,
    value_offsets: Any,
    value_there: Any,
    limit: Any,
    lengths: Any,
    firsts: Any,
    ends: Any,
) -> Any:
    """Tell the first record of every batch, and where its bytes end; return how many there are.

    A batch has at most ``limit`` bytes, or one record. ``firsts`` and ``ends`` have room for a
    batch a record; ``lengths`` are those that the records say themselves.
    """
    key_nulls, value_nulls = len(key_there) > 0, len(value_there) > 0
    batches: Any = np.int64(0)
    first: Any = np.int64(0)
    begin: Any = np.int64(0)
    end: Any = np.int64(0)
    for row in range(len(lengths)):
        null = key_nulls and key_there[row] == 0
        key_size = _size(key_offsets[row], key_offsets[row + 1], null)
        null = value_nulls and value_there[row] == 0
        value_size = _size(value_offsets[row], value_offsets[row + 1], null)
        payload = _payload(key_size, value_size)
        length = payload + varint_length(row - first)
        record = length + varint_length(length)
        if row == 0 or end + record - begin > limit:
            if row > 0:
                ends[batches - 1] = end
            length = payload + 1
            record = length + varint_length(length)
            firsts[batches], first, begin = row, row, end
            batches += 1
        lengths[row] = length
        end += record
    ends[batches - 1] = end
    return batches


@numba.njit(
    types.void(
        *_COLUMN, _BYTES, *_COLUMN, _BYTES, types.int64[::1], types.int64[::1], types.uint8[::1]
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def write_records(
    key_offsets: Any,
    key_there: Any,
    keys: Any,
    value_offsets: Any,
    value_there: Any,
    values: Any,
    lengths: Any,
    firsts: Any,
    out: Any,
) -> None:
    """Write the records of batches that begin at ``firsts``, all with their batch's time."""
    memory = np.int64(out.ctypes.data)
    key_source, value_source = np.int64(keys.ctypes.data), np.int64(values.ctypes.data)
    key_nulls, value_nulls = len(key_there) > 0, len(value_there) > 0
    at: Any = np.int64(0)
    for batch in range(len(firsts)):
        first = firsts[batch]
        last = len(lengths) if batch + 1 == len(firsts) else firsts[batch + 1]
        for row in range(first, last):
            null = key_nulls and key_there[row] == 0
            key_size = _size(key_offsets[row], key_offsets[row + 1], null)
            null = value_nulls and value_there[row] == 0
            value_size = _size(value_offsets[row], value_offsets[row + 1], null)
            at = write_varint(memory, at, lengths[row])
            set_byte(memory, at, np.int64(0))
            set_byte(memory, at + 1, np.int64(0))
            at = write_varint(memory, at + 2, row - first)
            at = write_varint(memory, at, key_size)
            if key_size > 0:
                copy_bytes(memory, at, key_source, np.int64(key_offsets[row]), key_size)
                at += key_size
            at = write_varint(memory, at, value_size)
            if value_size > 0:
                copy_bytes(memory, at, value_source, np.int64(value_offsets[row]), value_size)
                at += value_size
            set_byte(memory, at, np.int64(0))
            at += 1
