"""The loop that says what parts of keys are of each row: where their texts lie, how long they are.

A text is an address and a length, ``ABSENT`` where a row has none; only numbers and networks are
written anew. A call for each part costs more than all that it reads of some hundred rows.
"""

from typing import Any, Final

import numba
import numpy as np
from numba import types

from pipeline.aggregate.network_kernels import network
from pipeline.domain.memory_kernels import byte_at, word_at, write_digits

TEXT, NUMBER, NETWORK, WORD, WORD_BY_TRAIT, FIRST_OF, ONLY, WHERE, WORD_BY_TEXT, ID_BEHIND = range(
    10
)
"""Kinds of parts: a column of texts or whole numbers; the network of an address; one word for all
rows, that of their trait, or of a text; one part or else the other, for rows with a trait, for rows
with another part; the first id behind some text."""

PLACES: Final = 7
KIND, ONE, OTHER, TRAIT, FIRST, END, ROOM = range(PLACES)
"""Places of a part's line: ``ONE`` is that of a column or a part, ``OTHER`` of a part, ``FIRST`` up
to ``END`` of words. What it writes goes to the ``ROOM``-th line of memory."""

WORD_PLACES: Final = 5
OF_TRAIT, ASKED, ASKED_SIZE, SAID, SAID_SIZE = range(WORD_PLACES)
"""Places of a word's line; texts are places and lengths in what is spelled."""

COLUMN_PLACES: Final = 3
VALUES, DATA, PRESENT = range(COLUMN_PLACES)
"""Places of a column's line, addresses: of numbers or views, of what views point into, of a byte a
row that says whether it has a value (0: all have)."""

ABSENT: Final = -1
MOST_WRITTEN: Final = 24
"""Bytes that a number or a network may take."""

_SHORT: Final = 12
_TILDE: Final = 126
_TABLE = types.Array(types.int64, 2, "C", readonly=True)
_LONGS = types.Array(types.int64, 1, "C", readonly=True)
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_TRAITS = types.Array(types.int32, 1, "C", readonly=True)
_FLAGS = types.Array(types.boolean, 1, "C", readonly=True)
_TWO = types.UniTuple(types.int64, 2)  # type: ignore[no-untyped-call]


@numba.njit(_TWO(types.int64, types.int64), cache=True, inline="always")
def _text(column: Any, row: Any) -> Any:
    """Return a text of a column of views, of which 12 bytes or fewer lie in the view.

    https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout
    """
    present, views = word_at(column, PRESENT), word_at(column, VALUES)
    if present != 0 and byte_at(present, row) == 0:
        return np.int64(0), np.int64(ABSENT)
    size = word_at(views, 2 * row) & 0x7FFFFFFF
    if size <= _SHORT:
        return views + 16 * row + 4, size
    return word_at(column, DATA) + (word_at(views, 2 * row + 1) >> 32), size


@numba.njit(_TWO(types.int64, types.int64, types.int64), cache=True, inline="always")
def _number(column: Any, row: Any, room: Any) -> Any:
    """Write a number of a column in decimal and return it."""
    present = word_at(column, PRESENT)
    if present != 0 and byte_at(present, row) == 0:
        return np.int64(0), np.int64(ABSENT)
    return room, write_digits(room, np.int64(0), word_at(word_at(column, VALUES), row))


@numba.njit(types.boolean(types.int64, types.int64, types.int64), cache=True, inline="always")
def _same(one: Any, other: Any, size: Any) -> Any:
    for at in range(size):  # noqa: SIM110 - numba compiles loops alone
        if byte_at(one, at) != byte_at(other, at):
            return False
    return True


@numba.njit(types.int64(types.int64, types.int64, types.int64), cache=True, inline="always")
def _of_trait(words: Any, count: Any, traits: Any) -> Any:
    """Return the number of the first word whose trait is there, ``count`` if none is."""
    for number in range(count):
        if word_at(words, number * WORD_PLACES + OF_TRAIT) & traits != 0:
            return number
    return count


@numba.njit(
    types.int64(types.int64, types.int64, types.int64, types.int64, types.int64), cache=True
)
def _of_text(words: Any, count: Any, spelled: Any, at: Any, size: Any) -> Any:
    """Return the number of the word for a text, ``count`` if there is none."""
    for number in range(count):
        line = words + 8 * WORD_PLACES * number
        if word_at(line, ASKED_SIZE) == size and _same(spelled + word_at(line, ASKED), at, size):
            return number
    return count


@numba.njit(_TWO(types.int64, types.int64, types.int64, types.int64), cache=True)
def _id_behind(at: Any, size: Any, before: Any, length: Any) -> Any:
    """Return the first id (digits, or ``shard~local``) that follows some bytes."""
    for place in range(size - length):
        if not _same(at + place, before, length):
            continue
        first = place + length
        last = first
        while last < size and (48 <= byte_at(at, last) <= 57 or byte_at(at, last) == _TILDE):
            last += 1
        if last > first:
            return at + first, last - first
    return np.int64(0), np.int64(ABSENT)


@numba.njit(
    _TWO(types.int64, types.int64, types.int64, types.int64, types.int64, types.int64),
    cache=True,
    inline="always",
)
def _spelt(kind: Any, words: Any, count: Any, spelled: Any, at: Any, size: Any) -> Any:
    """Return what a part with words says: of a text, or of traits, which are in its place."""
    if kind == ID_BEHIND:
        before, length = word_at(words, ASKED), word_at(words, ASKED_SIZE)
        return _id_behind(at, size, spelled + before, length)
    number = np.int64(0)
    if kind == WORD_BY_TRAIT:
        number = _of_trait(words, count, at)
    elif kind == WORD_BY_TEXT:
        number = _of_text(words, count, spelled, at, size)
    if number == count:
        return np.int64(0), np.int64(ABSENT)
    line = words + 8 * WORD_PLACES * number
    return spelled + word_at(line, SAID), word_at(line, SAID_SIZE)


@numba.njit(
    _TWO(types.int64, types.int64, types.int64, types.int64, types.boolean),
    cache=True,
    inline="always",
)
def _chosen(kind: Any, one: Any, other: Any, row: Any, has_trait: Any) -> Any:
    """Return one part's text of a row, or another's, or none."""
    at, size = word_at(one, 2 * row), word_at(one, 2 * row + 1)
    if kind == FIRST_OF:
        if size == ABSENT:
            return word_at(other, 2 * row), word_at(other, 2 * row + 1)
    elif kind == ONLY:
        if not has_trait:
            return at, np.int64(ABSENT)
    elif word_at(other, 2 * row + 1) == ABSENT:
        return at, np.int64(ABSENT)
    return at, size


@numba.njit(
    types.void(
        _TABLE, _TABLE, _BYTES, _TABLE, _LONGS, _TRAITS, _FLAGS, types.int64[:, :, ::1],
        types.uint8[:, :, ::1],
    ),
    cache=True,
)  # fmt: skip
def read_parts(
    lines: Any,
    words: Any,
    spelled: Any,
    columns: Any,
    positions: Any,
    traits: Any,
    wanted: Any,
    texts: Any,
    room: Any,
) -> None:
    """Fill in address and length of the parts that are ``wanted``, for rows at some positions.

    ``texts``: two words for each part and row; ``room``: ``MOST_WRITTEN`` bytes for each part that
    writes and row. A part comes behind those that it is made of. About 10 ns a part and row.
    """
    rows = len(positions)
    said, spelling = np.int64(words.ctypes.data), np.int64(spelled.ctypes.data)
    memory, free = np.int64(texts.ctypes.data), np.int64(room.ctypes.data)
    for part in range(len(lines)):
        if not wanted[part]:
            continue
        kind, trait = lines[part, KIND], lines[part, TRAIT]
        one = memory + 16 * rows * lines[part, ONE]
        other = memory + 16 * rows * lines[part, OTHER]
        column = np.int64(columns.ctypes.data) + 8 * COLUMN_PLACES * lines[part, ONE]
        own_room = free + MOST_WRITTEN * rows * lines[part, ROOM]
        first = said + 8 * WORD_PLACES * lines[part, FIRST]
        count = lines[part, END] - lines[part, FIRST]
        for row in range(rows):
            own = np.int64(traits[row])
            if kind == TEXT:
                at, size = _text(column, positions[row])
            elif kind == NUMBER:
                at, size = _number(column, positions[row], own_room + MOST_WRITTEN * row)
            elif kind in (FIRST_OF, ONLY, WHERE):
                at, size = _chosen(kind, one, other, row, own & trait != 0)
            elif kind in (WORD, WORD_BY_TRAIT):
                at, size = _spelt(kind, first, count, spelling, own, np.int64(0))
            else:
                at, size = word_at(one, 2 * row), word_at(one, 2 * row + 1)
                if size != ABSENT and kind == NETWORK:
                    at, size = network(at, size, own_room + MOST_WRITTEN * row)
                elif size != ABSENT:
                    at, size = _spelt(kind, first, count, spelling, at, size)
            texts[part, row, 0], texts[part, row, 1] = at, size
