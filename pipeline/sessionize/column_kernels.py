"""The loop that reads sessions out for publication: rows of numbers become columns."""

from typing import Any

import numba
from numba import types

from pipeline.sessionize import layout as at
from pipeline.sessionize.bare_kernels import bare
from pipeline.sessionize.prefetch_kernels import prefetch

_LINE = 8
"""Numbers in a cache line: so many rows become a line of each column."""
_AHEAD = 16
_LONGS = types.Array(types.int64, 1, "C", readonly=True)


@numba.njit(types.void(types.int64[:, ::1], _LONGS, types.int64[:, ::1]), cache=True, nogil=True)
def read_columns(rows: Any, slots: Any, columns: Any) -> None:
    """Copy the rows of slots, which lie anywhere, to one column after the other."""
    numbers, count = bare(rows.reshape(-1)), len(slots)
    for first in range(0, count, _LINE):
        end = min(first + _LINE, count)
        for ahead in range(first + _AHEAD, min(end + _AHEAD, count)):
            for number in range(0, at.WIDTH, _LINE):
                prefetch(numbers, slots[ahead] * at.WIDTH + number)
        for column in range(at.WIDTH):
            for i in range(first, end):
                columns[column, i] = numbers[slots[i] * at.WIDTH + column]


@numba.njit(types.void(types.int64[:, ::1], _LONGS, _LONGS, types.int64), cache=True, nogil=True)
def note_published(rows: Any, slots: Any, starts: Any, version: Any) -> None:
    """Note under which start and version slots are published; where, is not known yet."""
    for i in range(len(slots)):
        slot = slots[i]
        rows[slot, at.PUBLISHED] = starts[i]
        rows[slot, at.VERSION] = version
        rows[slot, at.OUTPUT] = -1
