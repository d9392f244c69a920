"""Compiled loops over Avro values.

A kernel never reads outside the bytes that it was given: every length and place is checked before
it is used. What does not fit is told as a fault, and the next value is read.

https://avro.apache.org/docs/1.12.0/specification/
"""

from typing import Any, Final

import numba as nb
import numpy as np
from numba import types
from numpy.typing import NDArray

from pipeline.codecs.wire_kernels import (
    BYTES_LEFT,
    ENDS_EARLY,
    NO_FIT,
    NOT_UTF8,
    NULL,
    SOUND,
    is_utf8,
    some,
    varint,
)
from pipeline.domain.memory_kernels import byte_at, set_byte, set_word, word_at

VARINT32: Final = 0
VARINT64: Final = 1
BOOLEAN: Final = 2
BITS32: Final = 3
BITS64: Final = 4
BYTES: Final = 5
TEXT: Final = 6
"""What a field's bytes are; BYTES and TEXT differ in that TEXT must be UTF-8."""

OP: Final = 0
ARRAY: Final = 1
NULL_BRANCH: Final = 2
COLUMN: Final = 3
BASE: Final = 4
NULLABLE: Final = 5
PROGRAM_WIDTH: Final = 6
"""The columns of a program, one row a field of the writer: what its bytes are, whether it is an
array of such, the branch of null in its union (-1: no union), the column it goes to (-1: nobody
asked for it), where that column's words begin, in units of one word a value, and whether that
column takes nulls."""

NOT_FRAMED: Final = -1

PREFIX_BYTES: Final = 5
"""Confluent's framing: a zero, the schema id in four bytes, the highest first."""

INLINE: Final = 12
"""Bytes that a view holds itself.
https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout"""

_BYTES_IN: Final = types.Array(types.uint8, 1, "C", readonly=True)
_LONGS_IN: Final = types.Array(types.int64, 1, "C", readonly=True)
_LONGS: Final = types.int64[::1]

Bytes = NDArray[np.uint8]
Longs = NDArray[np.int64]


@nb.njit(cache=True)
def _put_view(memory: Any, at: Any, end: Any, length: Any, words: Any, place: Any) -> None:
    """Write an Arrow view of bytes of buffer 0: two words."""
    if length <= INLINE:
        head = some(memory, at, end, min(length, 4))
        set_word(words, place + 1, np.int64(some(memory, at + 4, end, length - 4)))
    else:
        head = some(memory, at, end, 4)
        set_word(words, place + 1, np.int64(at) << 32)
    set_word(words, place, np.int64(np.uint64(length) | head << np.uint64(32)))


@nb.njit(cache=True)
def _step(memory: Any, at: Any, end: Any, op: Any, wanted: Any) -> Any:
    """Return the place after a value of a kind, judged as far as it is wanted; or minus a fault."""
    if op <= VARINT64:
        value, at = varint(memory, at, end)
        if at >= 0 and wanted and op == VARINT32 and value != np.int64(np.int32(value)):
            return np.int64(-NO_FIT)
        return at
    if op >= BYTES:
        length, at = varint(memory, at, end)
        if at < 0:
            return at
        if length < 0:
            return np.int64(-NO_FIT)
        if length > end - at:
            return np.int64(-ENDS_EARLY)
        if wanted and op == TEXT and not is_utf8(memory, at, at + length):
            return np.int64(-NOT_UTF8)
        return at + length
    width = 1 if op == BOOLEAN else (4 if op == BITS32 else 8)
    if width > end - at:
        return np.int64(-ENDS_EARLY)
    if wanted and op == BOOLEAN and byte_at(memory, at) > np.uint64(1):
        return np.int64(-NO_FIT)
    return np.int64(at + width)


@nb.njit(cache=True)
def _put(memory: Any, at: Any, end: Any, op: Any, words: Any, base: Any, row: Any) -> Any:
    """Read a value of a kind into its column's words; return the place after it."""
    if op >= BYTES:
        length, at = varint(memory, at, end)
        if at < 0:
            return at
        if length < 0:
            return np.int64(-NO_FIT)
        if length > end - at:
            return np.int64(-ENDS_EARLY)
        if op == TEXT and not is_utf8(memory, at, at + length):
            return np.int64(-NOT_UTF8)
        _put_view(memory, at, end, length, words, base + 2 * row)
        return at + length
    if op <= VARINT64:
        value, at = varint(memory, at, end)
        if at >= 0:
            if op == VARINT32 and value != np.int64(np.int32(value)):
                return np.int64(-NO_FIT)
            set_word(words, base + row, value)
        return at
    width = 1 if op == BOOLEAN else (4 if op == BITS32 else 8)
    if width > end - at:
        return np.int64(-ENDS_EARLY)
    word = np.int64(some(memory, at, end, width))
    if op == BOOLEAN and word > 1:
        return np.int64(-NO_FIT)
    set_word(words, base + row, word)
    return np.int64(at + width)


@nb.njit(cache=True)
def _block(memory: Any, at: Any, end: Any) -> tuple[Any, Any]:
    """Return how many items the next block of an array has, and the place of the first."""
    count, at = varint(memory, at, end)
    if at >= 0 and count < 0:
        # A negative count is followed by the block's length in bytes.
        count = -count
        _, at = varint(memory, at, end)
        if count < 0:
            return np.int64(0), np.int64(-NO_FIT)
    if at >= 0 and count > end - at:
        return np.int64(0), np.int64(-ENDS_EARLY)
    return count, at


@nb.njit(cache=True)
def _array(memory: Any, at: Any, end: Any, op: Any, wanted: Any) -> tuple[Any, Any]:
    """Return how many items an array has, and the place after it; or minus a fault."""
    items = np.int64(0)
    while True:
        count, at = _block(memory, at, end)
        if at < 0 or count == 0:
            return items, at
        items += count
        for _ in range(count):
            at = _step(memory, at, end, op, wanted)
            if at < 0:
                return items, at


@nb.njit(types.boolean(_BYTES_IN, _LONGS_IN, _LONGS_IN, _LONGS), cache=True)
def schema_ids(data: Bytes, starts: Longs, ends: Longs, ids: Longs) -> bool:
    """Tell the schema id that every value names, or NOT_FRAMED; return whether all are the same."""
    memory: Any = np.int64(data.ctypes.data)
    alike = True
    for which in range(len(starts)):
        at = starts[which]
        found = np.int64(NOT_FRAMED)
        if ends[which] - at >= PREFIX_BYTES and byte_at(memory, at) == np.uint64(0):
            found = np.int64(0)
            for k in range(1, PREFIX_BYTES):
                found = found << 8 | np.int64(byte_at(memory, at + k))
        ids[which] = found
        if found != ids[0]:
            alike = False
    return alike


@nb.njit(
    types.int64(
        _BYTES_IN, _LONGS_IN, _LONGS_IN, types.int64[:, ::1], _LONGS, types.uint8[:, ::1],
        types.uint8[::1],
    ),
    cache=True,
)  # fmt: skip
def read_values(
    data: Bytes,
    starts: Longs,
    ends: Longs,
    program: Longs,
    words: Longs,
    present: Bytes,
    faults: Bytes,
) -> int:
    """Read framed Avro values from ``starts`` to ``ends``; return how many were sound.

    The values are framed, and by one writer. A column of a sound value gets its
    word, or two for an Arrow view; an array the place of its items and, as many words further as
    there are values, how many they are. ``present`` (columns, values) says 0 for nulls. Sound
    values follow each other without holes; ``faults`` has one entry for each value.
    """
    memory: Any = np.int64(data.ctypes.data)
    target: Any = np.int64(words.ctypes.data)
    steps: Any = np.int64(program.ctypes.data)
    nulls: Any = np.int64(present.ctypes.data)
    last = program.shape[0] * PROGRAM_WIDTH
    count = np.int64(len(starts))
    row: Any = np.int64(0)
    for which in range(count):
        at, end = starts[which] + PREFIX_BYTES, ends[which]
        for step in range(0, last, PROGRAM_WIDTH):
            op, column = word_at(steps, step + OP), word_at(steps, step + COLUMN)
            wanted, base = np.int64(column >= 0), word_at(steps, step + BASE) * count
            array, null_branch = word_at(steps, step + ARRAY), word_at(steps, step + NULL_BRANCH)
            if null_branch >= 0:
                branch, at = varint(memory, at, end)
                if at < 0:
                    break
                if branch == null_branch:
                    if wanted:
                        if not word_at(steps, step + NULLABLE):
                            at = np.int64(-NULL)
                            break
                        set_byte(nulls, column * count + row, 0)
                        double = op >= BYTES and not array
                        place = base + (2 * row if double else row)
                        set_word(target, place, 0)
                        if double or array:
                            set_word(target, place + (1 if double else count), 0)
                    continue
                if branch != 1 - null_branch:
                    at = np.int64(-NO_FIT)
                    break
                if wanted:
                    set_byte(nulls, column * count + row, 1)
            if array:
                first = at
                items, at = _array(memory, at, end, op, wanted)
                if wanted:
                    set_word(target, base + row, first)
                    set_word(target, base + count + row, items)
            elif wanted:
                at = _put(memory, at, end, op, target, base, row)
            else:
                at = _step(memory, at, end, op, 0)
            if at < 0:
                break
        if at == end:
            faults[which] = SOUND
            row += 1
        else:
            faults[which] = BYTES_LEFT if at >= 0 else -at
    return int(row)


@nb.njit(types.void(_BYTES_IN, _LONGS_IN, _LONGS_IN, types.int64, _LONGS), cache=True)
def read_items(data: Bytes, places: Longs, counts: Longs, op: int, words: Longs) -> None:
    """Read the items of arrays that ``read_values`` found sound, one array after the other."""
    memory: Any = np.int64(data.ctypes.data)
    target: Any = np.int64(words.ctypes.data)
    item: Any = np.int64(0)
    end = np.int64(len(data))
    for which in range(len(places)):
        left, at = counts[which], places[which]
        while left > 0:
            count, at = _block(memory, at, end)
            left -= count
            for _ in range(count):
                at = _put(memory, at, end, op, target, 0, item)
                item += 1
