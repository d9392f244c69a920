"""The loop that looks into paths."""

from typing import Any

import numba
from numba import types

_OFFSETS = types.Array(types.int64, 1, "C", readonly=True)
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)


@numba.njit(types.void(_OFFSETS, _BYTES, _BYTES, types.boolean[::1]), cache=True)
def end_with(offsets: Any, data: Any, suffix: Any, found: Any) -> None:
    """Say of every text whether it ends with some bytes."""
    size = len(suffix)
    for row in range(len(found)):
        start = offsets[row + 1] - size
        same = start >= offsets[row]
        place = 0
        while same and place < size:
            same = data[start + place] == suffix[place]
            place += 1
        found[row] = same
