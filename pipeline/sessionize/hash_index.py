"""An open-addressing hash table from 64-bit keys to small numbers, whole arrays at a time."""

from typing import Final

import numpy as np

from pipeline.sessionize.arrays import I32, I64, U64

_FREE: Final = -1
_DELETED: Final = -2
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_SMALLEST_BITS: Final = 10


class HashIndex:
    """Keys are already hashes. At most half of the places are used, deleted ones included."""

    def __init__(self) -> None:
        self.size = 0
        self._allocate(_SMALLEST_BITS)

    def _allocate(self, bits: int) -> None:
        self._bits = bits
        self._mask = np.int64((1 << bits) - 1)
        self._keys: U64 = np.zeros(1 << bits, np.uint64)
        self._values: I32 = np.full(1 << bits, _FREE, np.int32)
        self._used = 0

    def _home(self, keys: U64) -> I64:
        return ((keys * _MULTIPLIER) >> np.uint64(64 - self._bits)).astype(np.int64)

    def get(self, keys: U64) -> I64:
        """Return each key's value, -1 for those absent. Keys may repeat."""
        place = self._home(keys)
        value = self._values[place]
        found = (value >= 0) & (self._keys[place] == keys)
        result = np.where(found, value, _FREE).astype(np.int64)
        rest = np.flatnonzero(~found & (value != _FREE))
        while len(rest):
            place[rest] = (place[rest] + 1) & self._mask
            value = self._values[place[rest]]
            found = (value >= 0) & (self._keys[place[rest]] == keys[rest])
            result[rest[found]] = value[found]
            rest = rest[~found & (value != _FREE)]
        return result

    def put(self, keys: U64, values: I64) -> None:
        """Add keys that are absent and unique, with values that are unique and not negative."""
        if (self._used + len(keys)) * 2 > len(self._keys):
            self._rebuild(len(keys))
        self._insert(keys, values)
        self.size += len(keys)

    def _insert(self, keys: U64, values: I64) -> None:
        place = self._home(keys)
        rest = np.arange(len(keys))
        while len(rest):
            at = place[rest]
            open_ = self._values[at] == _FREE
            # Several keys may claim one free place: the last writer has it, the others go on.
            self._values[at[open_]] = values[rest[open_]]
            won = open_ & (self._values[at] == values[rest])
            self._keys[at[won]] = keys[rest[won]]
            rest = rest[~won]
            place[rest] = (place[rest] + 1) & self._mask
        self._used += len(keys)

    def assign(self, keys: U64, values: I64) -> None:
        """Overwrite the values of keys that are present and unique."""
        self._values[self._places(keys)] = values

    def delete(self, keys: U64) -> None:
        """Remove keys that are present and unique."""
        self._values[self._places(keys)] = _DELETED
        self.size -= len(keys)

    def _places(self, keys: U64) -> I64:
        place = self._home(keys)
        rest = np.arange(len(keys))
        while len(rest):
            at = place[rest]
            found = (self._values[at] >= 0) & (self._keys[at] == keys[rest])
            rest = rest[~found]
            place[rest] = (place[rest] + 1) & self._mask
        return place

    def _rebuild(self, extra: int) -> None:
        kept = self._values >= 0
        keys, values = self._keys[kept], self._values[kept].astype(np.int64)
        bits = _SMALLEST_BITS
        while (len(keys) + extra) * 3 > (1 << bits):
            bits += 1
        self._allocate(bits)
        self._insert(keys, values)
