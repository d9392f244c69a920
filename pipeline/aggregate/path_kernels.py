"""The loops that look into paths."""

from typing import Any

import numba
from numba import types

_OFFSETS = types.Array(types.int64, 1, "C", readonly=True)
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_TILDE = 126


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


@numba.njit(types.void(_OFFSETS, _BYTES, _BYTES, types.int64[::1], types.int64[::1]), cache=True)
def find_ids(offsets: Any, data: Any, before: Any, starts: Any, lengths: Any) -> None:
    """Find the first id (digits, or ``shard~local``) that follows some bytes; length 0: none."""
    size = len(before)
    for row in range(len(starts)):
        starts[row] = lengths[row] = 0
        end = offsets[row + 1]
        for at in range(offsets[row], end - size):
            place = 0
            while place < size and data[at + place] == before[place]:
                place += 1
            if place < size:
                continue
            last = at + size
            while last < end and (48 <= data[last] <= 57 or data[last] == _TILDE):
                last += 1
            if last > at + size:
                starts[row], lengths[row] = at + size, last - at - size
                break
