"""An open-addressing hash table from 64-bit keys to small numbers, whole arrays at a time."""

from typing import Final

import numpy as np

from pipeline.sessionize import index_kernels as kernels
from pipeline.sessionize.arrays import I64, U64

_SMALLEST: Final = 1 << 10
_SPARSE: Final = 16
"""A table with so many places a key is made smaller; each key deleted pays for a few places."""


class HashIndex:
    """Keys are already hashes. A key and its value lie side by side: a look is one cache line.

    At most half of the places are used, and at least a sixteenth, but for the smallest table.
    """

    def __init__(self) -> None:
        self.size = 0
        self.table: I64 = _free(_SMALLEST)
        """Key, value, key, value, …; the value of a free place is -1."""

    def get(self, keys: U64) -> I64:
        """Return each key's value, -1 for those absent. Keys may repeat."""
        values = np.empty(len(keys), np.int64)
        kernels.index_get(self.table, np.ascontiguousarray(keys), values)
        return values

    def put(self, keys: U64, values: I64) -> None:
        """Give keys, absent or present, their values, which are not negative."""
        self.reserve(len(keys))
        self.size += kernels.index_set(
            self.table, np.ascontiguousarray(keys), np.ascontiguousarray(values)
        )

    def delete(self, keys: U64) -> None:
        """Remove keys; those absent do no harm."""
        self.size -= kernels.index_delete(self.table, np.ascontiguousarray(keys))
        places = len(self.table) // 2
        if self.size * _SPARSE >= places or places == _SMALLEST:
            return
        while places > _SMALLEST and self.size * 8 <= places:
            places //= 2
        self._move_to(places)

    def renumber(self, places: I64) -> None:
        """Replace every value by its place."""
        values = self.table[1::2]
        used = values >= 0
        values[used] = places[values[used]]

    def items(self) -> tuple[U64, I64]:
        """Return all keys and their values."""
        used = self.table[1::2] >= 0
        return self.table[::2][used].view(np.uint64), self.table[1::2][used]

    def reserve(self, extra: int) -> None:
        """Make room for so many more keys."""
        places = len(self.table) // 2
        if (self.size + extra) * 2 <= places:
            return
        while (self.size + extra) * 2 > places:
            places *= 2
        self._move_to(places)

    def _move_to(self, places: int) -> None:
        table = _free(places)
        kernels.index_move(self.table, table)
        self.table = table


def _free(places: int) -> I64:
    table = np.zeros(2 * places, np.int64)
    table[1::2] = -1
    return table
