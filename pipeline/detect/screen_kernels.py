"""The loop of the screens: what a stretch of minutes may have counted of each key, in a hash table.

A table has a row for each place, open addressing with linear probing, at most half full:
``HASH`` of the key (0: free), ``MOST`` that it may have counted, hash of the member ``ONE`` that is
among them (0: none), and of the latest statement the ``MOMENT`` and what was ``TOLD`` then.
"""

from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt
from numba import types

HASH, MOST, ONE, MOMENT, TOLD = range(5)
FIELDS: Final = 5

HERE: Final = 1
NEXT: Final = 2
"""The key may have enough in a window that ends in its stretch, in the next one."""

Table = npt.NDArray[np.int64]

_GIVEN = types.Array(types.int64, 1, "C", readonly=True)
_TABLE = types.int64[:, ::1]


@numba.njit(types.int64(_TABLE, types.int64), cache=True)
def _place(table: Any, hashed: Any) -> Any:
    """Return where a key stands, or where it would."""
    last = len(table) - 1
    place = hashed & last
    while table[place, HASH] != 0 and table[place, HASH] != hashed:
        place = (place + 1) & last
    return place


@numba.njit(types.int64(_TABLE, types.int64, types.int64, types.int64), cache=True)
def _with(table: Any, hashed: Any, most: Any, one: Any) -> Any:
    """Return the most of a key in two stretches: this table's, and one with so much."""
    place = _place(table, hashed)
    if table[place, HASH] == 0:
        return most
    return most + table[place, MOST] - (one != 0 and one == table[place, ONE])


@numba.njit(
    types.int64(
        _GIVEN,
        _GIVEN,
        _GIVEN,
        _GIVEN,
        types.int64,
        types.int64,
        _TABLE,
        _TABLE,
        _TABLE,
        types.int64,
        types.uint8[::1],
    ),
    cache=True,
)
def meet(
    hashes: Any,
    moments: Any,
    counts: Any,
    ones: Any,
    first: Any,
    last: Any,
    before: Any,
    own: Any,
    after: Any,
    least: Any,
    wide: Any,
) -> Any:
    """Take rows ``first`` to ``last`` (not included), of one stretch; return how many keys are new.

    ``moments``: minute and feed in one number; ``ones``: hash of a member that is alone in its row,
    else 0, or empty. ``wide``, zero before, gets HERE and NEXT of every row. ``own`` must have room
    for all rows.
    """
    new = 0
    for row in range(first, last):
        hashed, one = hashes[row], ones[row] if len(ones) > 0 else 0
        place = _place(own, hashed)
        count = counts[row]
        if own[place, HASH] == 0:
            new += 1
            own[place, HASH] = hashed
            own[place, MOST] = count
            own[place, ONE] = one
        elif one != 0 and one == own[place, ONE]:
            continue
        else:
            told = own[place, TOLD] if own[place, MOMENT] == moments[row] else 0
            own[place, MOST] += max(0, count - told)
            if own[place, ONE] == 0:
                own[place, ONE] = one
        own[place, MOMENT], own[place, TOLD] = moments[row], count
        most, one = own[place, MOST], own[place, ONE]
        if _with(before, hashed, most, one) >= least:
            wide[row] |= HERE
        if _with(after, hashed, most, one) >= least:
            wide[row] |= NEXT
    return new


@numba.njit(types.void(_TABLE, _TABLE), cache=True)
def move(table: Any, larger: Any) -> None:
    """Put every key of a table into a larger one that is empty."""
    for at in range(len(table)):
        if table[at, HASH] != 0:
            larger[_place(larger, table[at, HASH])] = table[at]
