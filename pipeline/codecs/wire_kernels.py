"""Compiled loops over the smallest parts of Kafka records and Avro values: varints and texts.

They never read outside the bytes that they were given. What does not fit is a fault, told as its
negative number in place of the place after it.

https://avro.apache.org/docs/1.12.0/specification/#binary-encoding, RFC 3629
"""

from typing import Any, Final

import numba as nb
import numpy as np
from numba import types

from pipeline.domain.memory_kernels import byte_at, eight_at, set_byte

SOUND: Final = 0
ENDS_EARLY: Final = 1
BYTES_LEFT: Final = 2
NOT_UTF8: Final = 3
NO_FIT: Final = 4
"""A union branch, a length, a boolean or an integer that the schema does not allow."""
NULL: Final = 5
"""A null where the reader takes none."""

_HIGH_BITS: Final = np.uint64(0x8080808080808080)
_ALL_BITS: Final = np.uint64(0xFFFFFFFFFFFFFFFF)


@nb.njit(cache=True)
def some(memory: Any, at: Any, end: Any, count: Any) -> Any:
    """Return up to eight bytes, the first lowest, zeros above; ``end`` is the end of the value."""
    if count <= 0:
        return np.uint64(0)
    if at + 8 <= end:
        word = eight_at(memory, at)
        if count >= 8:
            return word
        return word & (_ALL_BITS >> np.uint64(64 - 8 * count))
    word = np.uint64(0)
    for k in range(min(count, 8)):
        word |= byte_at(memory, at + k) << np.uint64(8 * k)
    return word


@nb.njit(cache=True)
def _long_varint(memory: Any, at: Any, end: Any) -> tuple[Any, Any]:
    """Return a zigzag varint of any length and the place after it; or minus a fault."""
    value = np.uint64(0)
    shift = 0
    while at < end:
        byte = byte_at(memory, at)
        at += 1
        if shift == 63 and byte > np.uint64(1):
            return np.int64(0), np.int64(-NO_FIT)
        value |= (byte & np.uint64(0x7F)) << np.uint64(shift)
        if byte < np.uint64(0x80):
            return np.int64(value >> np.uint64(1)) ^ -np.int64(value & np.uint64(1)), np.int64(at)
        shift += 7
    return np.int64(0), np.int64(-ENDS_EARLY)


@nb.njit(cache=True)
def varint(memory: Any, at: Any, end: Any) -> tuple[Any, Any]:
    """Return a zigzag varint and the place after it; minus a fault in place of the place."""
    if at < end:
        # Most have one byte; this much is compiled into the callers.
        byte = byte_at(memory, at)
        if byte < np.uint64(0x80):
            return np.int64(byte >> np.uint64(1)) ^ -np.int64(byte & np.uint64(1)), np.int64(at + 1)
    return _long_varint(memory, at, end)


@nb.njit(types.int64(types.int64), cache=True, inline="always")
def varint_length(value: Any) -> Any:
    """Return how many bytes the zigzag varint of a value has."""
    left = np.uint64((value << 1) ^ (value >> 63))
    length = np.int64(1 if left < np.uint64(0x80) else 2)
    left >>= np.uint64(14)
    while left != np.uint64(0):
        left >>= np.uint64(7)
        length += 1
    return length


@nb.njit(types.int64(types.int64, types.int64, types.int64), cache=True, inline="always")
def write_varint(out: Any, at: Any, value: Any) -> Any:
    """Write a zigzag varint to memory and return where it ends."""
    left = np.uint64((value << 1) ^ (value >> 63))
    while left >= np.uint64(0x80):
        set_byte(out, at, np.int64(left | np.uint64(0x80)))
        left >>= np.uint64(7)
        at += 1
    set_byte(out, at, np.int64(left))
    return at + 1


@nb.njit(cache=True)
def is_utf8(memory: Any, at: Any, end: Any) -> bool:
    """Say whether bytes are UTF-8: RFC 3629, no surrogates, nothing overlong."""
    while at < end:
        if at + 8 <= end and eight_at(memory, at) & _HIGH_BITS == np.uint64(0):
            at += 8
            continue
        first = byte_at(memory, at)
        at += 1
        if first < 0x80:
            continue
        lowest, highest = np.uint64(0x80), np.uint64(0xBF)
        if 0xC2 <= first <= 0xDF:
            more = 1
        elif 0xE0 <= first <= 0xEF:
            more = 2
            if first == 0xE0:
                lowest = np.uint64(0xA0)
            elif first == 0xED:
                highest = np.uint64(0x9F)
        elif 0xF0 <= first <= 0xF4:
            more = 3
            if first == 0xF0:
                lowest = np.uint64(0x90)
            elif first == 0xF4:
                highest = np.uint64(0x8F)
        else:
            return False
        if at + more > end:
            return False
        second = byte_at(memory, at)
        if second < lowest or second > highest:
            return False
        for k in range(1, more):
            if byte_at(memory, at + k) & np.uint64(0xC0) != np.uint64(0x80):
                return False
        at += more
    return True
