"""The loops of the duplicate filter."""

from typing import Any

import numba
import numpy as np
from numba import types

from pipeline.sessionize.prefetch_kernels import prefetch

WIDTH = 5
"""32-bit words of a place: age, and a key's halves with the lower word first.

They lie side by side, so that a key costs one cache line; age 0 is a free place.
"""
_AHEAD = 12
"""Rows by which a place is asked for before it is looked at."""
_WORD = np.uint64(0xFFFF_FFFF)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_COLUMN = types.Array(types.uint64, 1, "C", readonly=True)
_AGES = types.Array(types.uint32, 1, "C", readonly=True)
_TABLE = types.uint32[::1]


@numba.njit(types.int64(types.uint64, types.uint64, types.uint64), cache=True, inline="always")
def _home(high: Any, low: Any, size: Any) -> Any:
    """Return the place where the search for a key begins: in proportion to its hash."""
    mixed = (high ^ (low * _MULTIPLIER)) * _MULTIPLIER
    mixed ^= mixed >> np.uint64(32)
    mixed *= _MULTIPLIER
    return np.int64(((mixed >> np.uint64(32)) * size) >> np.uint64(32))


@numba.njit(
    types.int64(_COLUMN, _COLUMN, _AGES, types.uint32, _TABLE, types.boolean[::1]),
    cache=True,
    nogil=True,
)
def admit(high: Any, low: Any, ages: Any, oldest: Any, table: Any, new: Any) -> Any:
    """Put in the keys that are absent, say which were absent or too old; return places taken.

    A key keeps the largest of its ages. ``table``: places of ``WIDTH`` words, enough of them
    free; ``new``: filled in.
    """
    size = len(table) // WIDTH
    count, added = len(high), 0
    for row in range(count):
        if row + _AHEAD < count:
            later = _home(high[row + _AHEAD], low[row + _AHEAD], size)
            prefetch(table, later * WIDTH)
        high_0, high_1 = np.uint32(high[row] & _WORD), np.uint32(high[row] >> np.uint64(32))
        low_0, low_1 = np.uint32(low[row] & _WORD), np.uint32(low[row] >> np.uint64(32))
        place = _home(high[row], low[row], size)
        new[row] = True
        while True:
            at = place * WIDTH
            if table[at] == 0:
                table[at] = ages[row]
                table[at + 1], table[at + 2] = high_0, high_1
                table[at + 3], table[at + 4] = low_0, low_1
                added += 1
                break
            if (
                table[at + 1] == high_0
                and table[at + 3] == low_0
                and table[at + 2] == high_1
                and table[at + 4] == low_1
            ):
                new[row] = table[at] < oldest
                table[at] = max(table[at], ages[row])
                break
            place += 1
            if place == size:
                place = 0
    return added


@numba.njit(types.int64(_TABLE, types.uint32), cache=True, nogil=True)
def held(table: Any, oldest: Any) -> Any:
    """Return how many keys are of that age or younger (a larger number)."""
    count = 0
    for at in range(0, len(table), WIDTH):
        if table[at] != 0 and table[at] >= oldest:
            count += 1
    return count


@numba.njit(types.void(_TABLE, types.uint32, _TABLE), cache=True, nogil=True)
def move(table: Any, oldest: Any, larger: Any) -> None:
    """Put the keys of that age or younger into another table, which is empty.

    Homes are in proportion to hashes, so both tables are walked from end to end.
    """
    size = len(larger) // WIDTH
    shift = np.uint64(32)
    for at in range(0, len(table), WIDTH):
        if table[at] == 0 or table[at] < oldest:
            continue
        high = np.uint64(table[at + 1]) | (np.uint64(table[at + 2]) << shift)
        low = np.uint64(table[at + 3]) | (np.uint64(table[at + 4]) << shift)
        place = _home(high, low, size)
        while larger[place * WIDTH] != 0:
            place += 1
            if place == size:
                place = 0
        to = place * WIDTH
        for word in range(WIDTH):
            larger[to + word] = table[at + word]
