"""The loops that say which rows are in which dimension, and write their keys and members."""

from typing import Any, Final

import numba
import numpy as np
from numba import types

from pipeline.aggregate.part_kernels import ABSENT
from pipeline.domain.memory_kernels import copy_bytes

SPACE, TRAITS, NEVER, LEFT, RIGHT, MEMBER, ALSO = range(7)
"""Places of a dimension's line; from ``ALSO`` on, a mask each: a row has a bit of every one.

``LEFT`` and ``RIGHT`` of its key and ``MEMBER`` are places of parts, ``NO_PART`` where there is
none. Without ``TRAITS`` every row is in it.
"""
NO_PART: Final = -1
ANY: Final = -1
"""The mask of which every row that has any trait has a bit."""

_SEPARATOR: Final = 35
_LINES = types.Array(types.int64, 2, "C", readonly=True)
_TRAITS = types.Array(types.int32, 1, "C", readonly=True)
_PARTS = types.Array(types.int64, 3, "C", readonly=True)
_LONGS = types.int64[::1]
_GIVEN = types.Array(types.int64, 1, "C", readonly=True)
_FOUND = types.UniTuple(_LONGS, 3)  # type: ignore[no-untyped-call]
_TEXTS = types.Tuple((_LONGS, types.uint8[::1]))  # type: ignore[no-untyped-call]


@numba.njit(types.boolean(types.int64, _LINES, types.int64), cache=True, inline="always")
def _is_in(traits: Any, lines: Any, number: Any) -> Any:
    """Tell whether a row with some traits, or rows between them, may be in a dimension."""
    wanted = lines[number, TRAITS]
    if wanted != 0 and traits & wanted == 0:
        return False
    for place in range(ALSO, lines.shape[1]):
        if lines[number, place] != ANY and traits & lines[number, place] == 0:
            return False
    return True


@numba.njit(
    types.boolean[::1](_TRAITS, _LINES, types.Array(types.boolean, 2, "C", readonly=True)),
    cache=True,
)
def asked_parts(traits: Any, lines: Any, needs: Any) -> Any:
    """Return the parts of the dimensions that some row may be in; most have none in a batch.

    ``needs[d, p]``: whether dimension d cannot do without part p.
    """
    every = np.int64(0)
    for row in range(len(traits)):
        every |= np.int64(traits[row])
    asked = np.zeros(needs.shape[1], np.bool_)
    for number in range(len(lines)):
        if _is_in(every, lines, number):
            for part in range(len(asked)):
                asked[part] |= needs[number, part]
    return asked


@numba.njit(types.boolean(_PARTS, types.int64, types.int64), cache=True, inline="always")
def _has(texts: Any, part: Any, row: Any) -> Any:
    return part == NO_PART or texts[part, row, 1] != ABSENT


@numba.njit(_FOUND(_TRAITS, _LINES, _PARTS), cache=True)
def find_rows(traits: Any, lines: Any, texts: Any) -> Any:
    """Return dimension by dimension the rows in it: rows, dimensions, which of these have a member.

    ``texts`` are those of ``part_kernels``. A row without a part of a dimension's key is not in it.
    """
    rows = len(traits)
    places = np.empty(rows * len(lines), np.int64)
    numbers = np.empty(rows * len(lines), np.int64)
    having = np.empty(rows * len(lines), np.int64)
    count, members = 0, 0
    for number in range(len(lines)):
        never = lines[number, NEVER]
        left, right, member = lines[number, LEFT], lines[number, RIGHT], lines[number, MEMBER]
        for row in range(rows):
            own = np.int64(traits[row])
            # Nearly every row ends here: it has nothing that the dimension asks for.
            if not _is_in(own, lines, number) or own & never != 0:
                continue
            if not _has(texts, left, row) or not _has(texts, right, row):
                continue
            places[count], numbers[count] = row, number
            if member != NO_PART and texts[member, row, 1] != ABSENT:
                having[members] = count
                members += 1
            count += 1
    return places[:count], numbers[:count], having[:members]


@numba.njit(_TEXTS(_GIVEN, _GIVEN, _LINES, types.int64, _PARTS), cache=True)
def write_texts(places: Any, numbers: Any, lines: Any, side: Any, texts: Any) -> Any:
    """Return offsets and bytes of a part of rows; of ``LEFT``, it and that of ``RIGHT``, if any.

    Parts are joined with ``#``; rows and dimensions are as ``find_rows`` gives them.
    """
    offsets = np.empty(len(places) + 1, np.int64)
    offsets[0] = 0
    for found in range(len(places)):
        line, row, size = numbers[found], places[found], np.int64(0)
        if lines[line, side] != NO_PART:
            size = texts[lines[line, side], row, 1]
        if side == LEFT and lines[line, RIGHT] != NO_PART:
            size += texts[lines[line, RIGHT], row, 1] + 1
        offsets[found + 1] = offsets[found] + size
    data = np.empty(offsets[len(places)], np.uint8)
    memory = np.int64(data.ctypes.data)
    for found in range(len(places)):
        line, row, at = numbers[found], places[found], offsets[found]
        part, other = lines[line, side], lines[line, RIGHT]
        if part != NO_PART:
            copy_bytes(memory, at, texts[part, row, 0], 0, texts[part, row, 1])
            at += texts[part, row, 1]
        if side == LEFT and other != NO_PART:
            data[at] = _SEPARATOR
            copy_bytes(memory, at + 1, texts[other, row, 0], 0, texts[other, row, 1])
    return offsets, data
