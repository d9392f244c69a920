"""The loop that puts the members of groups in order."""

from typing import Any

import numba
from numba import types

from pipeline.aggregate.text_kernels import order_of

_GIVEN = types.Array(types.int64, 1, "C", readonly=True)


@numba.njit(
    types.void(
        _GIVEN, _GIVEN, _GIVEN, types.int64, types.int64[::1], types.uint8[::1], types.int64[::1]
    ),
    cache=True,
)
def sort_members(
    places: Any, members: Any, bounds: Any, most: Any, ends: Any, pool: Any, found: Any
) -> None:
    """Write the members of every place from its bound on, ascending by their texts.

    Member ``m`` is ``pool[ends[m] : ends[m + 1]]``. Places with more than ``most`` are in no order.
    Most have one: a sort of all members costs ten times as much.
    """
    filled = bounds[:-1].copy()
    for pair in range(len(places)):
        place, member = places[pair], members[pair]
        at, first = filled[place], bounds[place]
        filled[place] += 1
        few = bounds[place + 1] - first <= most
        start, length = ends[member], ends[member + 1] - ends[member]
        while few and at > first:
            other = found[at - 1]
            size = ends[other + 1] - ends[other]
            if order_of(pool, start, length, pool, ends[other], size) >= 0:
                break
            found[at] = other
            at -= 1
        found[at] = member
