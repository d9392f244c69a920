"""The loops of the hash index. A table is flat: key, value, key, value, …; a free value is -1.

A table has a power of two of places, some of them free.
"""

from typing import Any

import numba
import numpy as np
from numba import types

from pipeline.sessionize.bare_kernels import bare
from pipeline.sessionize.prefetch_kernels import prefetch

AHEAD = 24
"""Keys by which a place is asked for before it is looked at."""
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_TABLE = types.int64[::1]
_LONGS = types.Array(types.int64, 1, "C", readonly=True)
_HASHES = types.Array(types.uint64, 1, "C", readonly=True)


@numba.njit(cache=True, inline="always")
def home(index: Any, key: Any) -> Any:
    """Return the place where the search for a key begins."""
    mask = np.uint64(len(index) // 2 - 1)
    return np.int64(((key * _MULTIPLIER) >> np.uint64(20)) & mask)


@numba.njit(cache=True)
def look(index: Any, key: Any) -> Any:
    """Return a key's value, -1 if it is absent."""
    mask, place = len(index) // 2 - 1, home(index, key)
    while index[2 * place + 1] >= 0:
        if np.uint64(index[2 * place]) == key:
            return index[2 * place + 1]
        place = (place + 1) & mask
    return -1


@numba.njit(cache=True)
def assign(index: Any, key: Any, value: Any) -> Any:
    """Give a key a value; return whether it was absent."""
    mask, place = len(index) // 2 - 1, home(index, key)
    while index[2 * place + 1] >= 0:
        if np.uint64(index[2 * place]) == key:
            index[2 * place + 1] = value
            return False
        place = (place + 1) & mask
    index[2 * place], index[2 * place + 1] = np.int64(key), value
    return True


@numba.njit(types.void(_TABLE, _HASHES, _TABLE), cache=True, nogil=True)
def index_get(index: Any, keys: Any, values: Any) -> None:
    """Fill in the value of each key, -1 for those absent."""
    index = bare(index)
    for i in range(len(keys)):
        if i + AHEAD < len(keys):
            prefetch(index, 2 * home(index, keys[i + AHEAD]))
        values[i] = look(index, keys[i])


@numba.njit(types.int64(_TABLE, _HASHES, _LONGS), cache=True, nogil=True)
def index_set(index: Any, keys: Any, values: Any) -> Any:
    """Give keys their values; return how many were absent."""
    index = bare(index)
    added = 0
    for i in range(len(keys)):
        if i + AHEAD < len(keys):
            prefetch(index, 2 * home(index, keys[i + AHEAD]))
        if assign(index, keys[i], values[i]):
            added += 1
    return added


@numba.njit(types.void(_TABLE, _TABLE), cache=True, nogil=True)
def index_move(index: Any, larger: Any) -> None:
    """Put all keys into another index, which is empty."""
    larger = bare(larger)
    for place in range(len(index) // 2):
        if index[2 * place + 1] >= 0:
            assign(larger, np.uint64(index[2 * place]), index[2 * place + 1])


@numba.njit(types.int64(_TABLE, _HASHES), cache=True, nogil=True)
def index_delete(index: Any, keys: Any) -> Any:
    """Remove keys, closing the gaps they leave; return how many were there."""
    index = bare(index)
    mask, gone = len(index) // 2 - 1, 0
    for i in range(len(keys)):
        if i + AHEAD < len(keys):
            prefetch(index, 2 * home(index, keys[i + AHEAD]))
        place = home(index, keys[i])
        while index[2 * place + 1] >= 0 and np.uint64(index[2 * place]) != keys[i]:
            place = (place + 1) & mask
        if index[2 * place + 1] < 0:
            continue
        gone += 1
        following = (place + 1) & mask
        while index[2 * following + 1] >= 0:
            own = home(index, np.uint64(index[2 * following]))
            # What lies at or before the gap on its way from home may fill it.
            if ((following - own) & mask) >= ((following - place) & mask):
                index[2 * place] = index[2 * following]
                index[2 * place + 1] = index[2 * following + 1]
                place = following
            following = (following + 1) & mask
        index[2 * place + 1] = -1
    return gone
