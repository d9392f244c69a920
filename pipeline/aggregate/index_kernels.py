"""The loops that give texts and pairs of integers a number: open addressing, linear probing.

A kernel stops before the first row that its arrays have no room for and says how far it came; the
caller makes room and goes on from there. Tables hold numbers, -1 is a free place; they are at
most half full.
"""

from typing import Any

import numba
import numpy as np
from numba import types

from pipeline.aggregate.bytes_kernels import mixed, same_text, text_hash

FREE = -1

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_GIVEN = types.Array(types.int64, 1, "C", readonly=True)
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_TWO = types.UniTuple(types.int64, 2)  # type: ignore[no-untyped-call]


@numba.njit(types.int64(types.uint64, types.int64), cache=True, inline="always")
def _home(hashed: Any, size: Any) -> Any:
    return np.int64(hashed >> np.uint64(1)) & (size - 1)


@numba.njit(types.uint64(types.int64, types.int64), cache=True, inline="always")
def _pair_hash(left: Any, right: Any) -> Any:
    return mixed(mixed(np.uint64(left)) + np.uint64(right) * _MULTIPLIER)


@numba.njit(
    _TWO(
        _GIVEN,
        _GIVEN,
        _BYTES,
        types.int64,
        types.int64[::1],
        types.int32[::1],
        types.uint64[::1],
        types.int64[::1],
        types.int64[::1],
        types.uint8[::1],
        types.int64,
    ),
    cache=True,
)
def find_texts(
    spaces: Any,
    offsets: Any,
    data: Any,
    begin: Any,
    found: Any,
    table: Any,
    hashes: Any,
    owners: Any,
    ends: Any,
    pool: Any,
    used: Any,
) -> Any:
    """Give numbers to (space, text) of every row from ``begin``; return (rows done, numbers used).

    Text ``i`` of the index is ``pool[ends[i] : ends[i + 1]]``, of space ``owners[i]``. About 50 ns
    a row for texts of 20 bytes.
    """
    size = len(table)
    for row in range(begin, len(spaces)):
        start, length = offsets[row], offsets[row + 1] - offsets[row]
        hashed = text_hash(data, start, length, np.uint64(spaces[row]))
        place = _home(hashed, size)
        while True:
            number = table[place]
            if number == FREE:
                if used >= len(hashes) or 2 * used >= size or ends[used] + length > len(pool):
                    return row, used
                number = used
                table[place] = number
                hashes[number] = hashed
                owners[number] = spaces[row]
                first = ends[number]
                for byte in range(length):
                    pool[first + byte] = data[start + byte]
                ends[number + 1] = first + length
                used += 1
                break
            if hashes[number] == hashed and owners[number] == spaces[row]:
                first = ends[number]
                if ends[number + 1] - first == length and same_text(
                    data, start, pool, first, length
                ):
                    break
            place = (place + 1) & (size - 1)
        found[row] = number
    return len(spaces), used


_SHORT = 12
"""Bytes of a text that lie in its view."""
_PLACES = 512
"""Of short texts that came lately, by their views."""


@numba.njit(
    _TWO(
        types.int64,
        _GIVEN,
        _BYTES,
        _BYTES,
        types.Array(types.boolean, 1, "C", readonly=True),
        _BYTES,
        types.int64,
        types.int64[::1],
        types.int32[::1],
        types.uint64[::1],
        types.int64[::1],
        types.int64[::1],
        types.uint8[::1],
        types.int64,
    ),
    cache=True,
)
def find_views(
    space: Any,
    views: Any,
    inside: Any,
    data: Any,
    present: Any,
    missing: Any,
    begin: Any,
    found: Any,
    table: Any,
    hashes: Any,
    owners: Any,
    ends: Any,
    pool: Any,
    used: Any,
) -> Any:
    """Do the same for the texts of a column where they lie, ``missing`` in place of nulls.

    ``inside`` are the views as bytes; ``present`` is empty if no text is null. Half of what
    copying the texts first costs; a short text that came lately is known by its view, unhashed.
    """
    # The loop stands twice: as a function of its own, inlined or not, a row takes 100 ns, not 30.
    size = len(table)
    lately, heads = np.full(_PLACES, FREE, np.int64), np.empty(_PLACES, np.int64)
    tails, seen = np.empty(_PLACES, np.int64), np.int64(0)
    for row in range(begin, len(found)):
        absent = len(present) > 0 and not present[row]
        length = len(missing) if absent else views[2 * row] & 0x7FFFFFFF
        far = length > _SHORT
        start = views[2 * row + 1] >> 32 if far else 16 * row + 4
        near = not far and not absent
        if near:
            # The two words are all of a short text, and a chunk repeats its texts.
            mix = mixed(np.uint64(views[2 * row]) ^ mixed(np.uint64(views[2 * row + 1])))
            seen = np.int64(mix & np.uint64(_PLACES - 1))
            number = lately[seen]
            if (
                number != FREE
                and heads[seen] == views[2 * row]
                and tails[seen] == views[2 * row + 1]
            ):
                found[row] = number
                continue
        if absent:
            start = 0
            hashed = text_hash(missing, start, length, np.uint64(space))
        elif far:
            hashed = text_hash(data, start, length, np.uint64(space))
        else:
            hashed = text_hash(inside, start, length, np.uint64(space))
        place = _home(hashed, size)
        while True:
            number = table[place]
            if number == FREE:
                if used >= len(hashes) or 2 * used >= size or ends[used] + length > len(pool):
                    return row, used
                number = used
                table[place] = number
                hashes[number] = hashed
                owners[number] = space
                first = ends[number]
                for byte in range(length):
                    if absent:
                        pool[first + byte] = missing[byte]
                    else:
                        pool[first + byte] = data[start + byte] if far else inside[start + byte]
                ends[number + 1] = first + length
                used += 1
                break
            first = ends[number]
            if (
                hashes[number] == hashed
                and owners[number] == space
                and ends[number + 1] - first == length
            ):
                if absent:
                    same = same_text(missing, start, pool, first, length)
                elif far:
                    same = same_text(data, start, pool, first, length)
                else:
                    same = same_text(inside, start, pool, first, length)
                if same:
                    break
            place = (place + 1) & (size - 1)
        if near:
            lately[seen], heads[seen], tails[seen] = number, views[2 * row], views[2 * row + 1]
        found[row] = number
    return len(found), used


@numba.njit(types.void(types.uint64[::1], types.int64, types.int32[::1]), cache=True)
def place_texts(hashes: Any, used: Any, table: Any) -> None:
    """Fill a fresh table with the numbers of all texts."""
    size = len(table)
    for number in range(used):
        place = _home(hashes[number], size)
        while table[place] != FREE:
            place = (place + 1) & (size - 1)
        table[place] = number


@numba.njit(
    _TWO(
        _GIVEN,
        _GIVEN,
        types.int64,
        types.int64[::1],
        types.int32[::1],
        types.int64[::1],
        types.int64[::1],
        types.int64,
    ),
    cache=True,
)
def find_pairs(
    left: Any,
    right: Any,
    begin: Any,
    found: Any,
    table: Any,
    lefts: Any,
    rights: Any,
    used: Any,
) -> Any:
    """Give numbers to the pair of every row from ``begin``; return (rows done, numbers used).

    About 11 ns a row while the table is in the caches.
    """
    size = len(table)
    for row in range(begin, len(left)):
        one, other = left[row], right[row]
        place = _home(_pair_hash(one, other), size)
        while True:
            number = table[place]
            if number == FREE:
                if used >= len(lefts) or 2 * used >= size:
                    return row, used
                number = used
                table[place] = number
                lefts[number] = one
                rights[number] = other
                used += 1
                break
            if lefts[number] == one and rights[number] == other:
                break
            place = (place + 1) & (size - 1)
        found[row] = number
    return len(left), used


@numba.njit(
    types.void(types.int64[::1], types.int64[::1], types.int64, types.int32[::1]), cache=True
)
def place_pairs(lefts: Any, rights: Any, used: Any, table: Any) -> None:
    """Fill a fresh table with the numbers of all pairs."""
    size = len(table)
    for number in range(used):
        place = _home(_pair_hash(lefts[number], rights[number]), size)
        while table[place] != FREE:
            place = (place + 1) & (size - 1)
        table[place] = number
