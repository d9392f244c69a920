"""The loop that says which of the few rows are in which narrow dimension, and writes their keys."""

from typing import Any, Final

import numba
import numpy as np
from numba import types

SPACE, TRAITS, NEVER, LEFT, RIGHT, ALSO = range(6)
"""Places of a dimension's line; from ``ALSO`` on, a mask each: a row has a bit of every one.

``LEFT`` and ``RIGHT`` are places among the parts of keys, ``NO_PART`` where there is none.
"""
NO_PART: Final = -1
ANY: Final = -1
"""The mask of which every row that has any trait has a bit."""

_SEPARATOR: Final = 35
_LINES = types.Array(types.int64, 2, "C", readonly=True)
_FOUND = types.Tuple(  # type: ignore[no-untyped-call]
    (types.int64[::1], types.int64[::1], types.int64[::1], types.uint8[::1])
)


@numba.njit(types.boolean(types.int64, _LINES, types.int64), cache=True, inline="always")
def _has_each(traits: Any, lines: Any, number: Any) -> Any:
    """Tell whether a row with some traits has a bit of every mask of a dimension."""
    for place in range(ALSO, lines.shape[1]):  # noqa: SIM110 - numba compiles loops alone
        if traits & lines[number, place] == 0:
            return False
    return True


@numba.njit(
    _FOUND(
        types.Array(types.int32, 1, "C", readonly=True),
        _LINES,
        types.Array(types.boolean, 2, "C", readonly=True),
        types.Array(types.int64, 2, "C", readonly=True),
        types.Array(types.uint8, 1, "C", readonly=True),
    ),
    cache=True,
)
def write_keys(traits: Any, lines: Any, present: Any, offsets: Any, data: Any) -> Any:
    """Return places of rows, spaces, where their keys end and the keys, dimension by dimension.

    Part ``p`` of row ``i`` is ``data[offsets[p, i] : offsets[p, i + 1]]`` where it is ``present``;
    two parts are joined with ``#``. A row without a part of a dimension's key is not in it.
    """
    rows = len(traits)
    places = np.empty(rows * len(lines), np.int64)
    spaces = np.empty(rows * len(lines), np.int64)
    ends = np.empty(rows * len(lines) + 1, np.int64)
    count, size = np.int64(0), np.int64(0)
    for number in range(len(lines)):
        wanted, never = lines[number, TRAITS], lines[number, NEVER]
        left, right = lines[number, LEFT], lines[number, RIGHT]
        for row in range(rows):
            own = np.int64(traits[row])
            # Nearly every row ends here: it has nothing that the dimension asks for.
            if own & wanted == 0 or own & never != 0 or not _has_each(own, lines, number):
                continue
            if left != NO_PART and not present[left, row]:
                continue
            if right != NO_PART and not present[right, row]:
                continue
            places[count], spaces[count], ends[count] = row, number, size
            count += 1
            if left != NO_PART:
                size += offsets[left, row + 1] - offsets[left, row]
            if right != NO_PART:
                size += offsets[right, row + 1] - offsets[right, row] + 1
    ends[count] = size
    keys = np.empty(size, np.uint8)
    for found in range(count):
        number, row, to = spaces[found], places[found], ends[found]
        for side in (LEFT, RIGHT):
            part = lines[number, side]
            if part != NO_PART:
                if side == RIGHT:
                    keys[to] = _SEPARATOR
                    to += 1
                for at in range(offsets[part, row], offsets[part, row + 1]):
                    keys[to] = data[at]
                    to += 1
        spaces[found] = lines[number, SPACE]
    return places[:count], spaces[:count], ends[: count + 1], keys
