"""The duplicate filter: which event keys were seen within the limit (semantics rule 21).

A set of 128-bit keys with their event times in open addressing over numpy arrays, so that a
chunk is checked and remembered in a few vector operations. Keys older than the limit are left
out whenever the table is built anew, which happens when it is half full; so memory follows the
keys that can still matter, and the cost of forgetting is spread over the keys remembered.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_EMPTY: Final = np.iinfo(np.int64).min
_SMALLEST_BITS: Final = 10


class DuplicateFilter:
    """A set of (hi, lo) keys, each with its event time in microseconds.

    Costs 28 bytes a place, two to four places a key; see ``docs/benchmarks.md``.
    """

    def __init__(self) -> None:
        self._limit = _EMPTY
        self._allocate(_SMALLEST_BITS)

    def __len__(self) -> int:
        """Return how many places are taken; some may be past the limit already."""
        return self._used

    @property
    def nbytes(self) -> int:
        """The memory of the table in bytes."""
        return self._hi.nbytes + self._lo.nbytes + self._time.nbytes + self._row.nbytes

    def forget(self, limit: int) -> None:
        """Stop caring for keys whose event time is below the limit; free them when it pays."""
        self._limit = max(self._limit, limit)

    def admit(self, hi: U64, lo: U64, time: I64) -> Bools:
        """Remember the keys; return for each row whether its key is new.

        Of rows with equal keys in one call the first is new.
        """
        if (self._used + len(hi)) * 2 > len(self._time):
            self._rebuild(len(hi))
        new = np.zeros(len(hi), np.bool_)
        rows = np.arange(len(hi))
        place = self._home(hi, lo)
        while len(rows):
            at = place[rows]
            free = self._time[at] == _EMPTY
            claims, places = rows[free], at[free]
            # Several rows may claim one place: written backwards, the first of them stays.
            self._hi[places[::-1]] = hi[claims[::-1]]
            self._lo[places[::-1]] = lo[claims[::-1]]
            self._row[places[::-1]] = claims[::-1]
            self._time[places] = time[claims]
            won = self._row[places] == claims
            self._time[places[won]] = time[claims[won]]
            new[claims[won]] = True
            self._used += int(won.sum())
            held = (self._hi[at] == hi[rows]) & (self._lo[at] == lo[rows])
            rows = rows[~held]
            place[rows] = (place[rows] + 1) & self._mask
        return new

    def _home(self, hi: U64, lo: U64) -> I64:
        mixed = (hi ^ (lo * _MULTIPLIER)) * _MULTIPLIER
        return (mixed >> self._shift).astype(np.int64)

    def _allocate(self, bits: int) -> None:
        size = 1 << bits
        self._hi = np.zeros(size, np.uint64)
        self._lo = np.zeros(size, np.uint64)
        self._time = np.full(size, _EMPTY, np.int64)
        self._row = np.zeros(size, np.int32)
        self._mask = np.int64(size - 1)
        self._shift = np.uint64(64 - bits)
        self._used = 0

    def _rebuild(self, extra: int) -> None:
        kept = np.flatnonzero(self._time >= max(self._limit, _EMPTY + 1))
        hi, lo, time = self._hi[kept], self._lo[kept], self._time[kept]
        bits = _SMALLEST_BITS
        while (len(kept) + extra) * 4 > (1 << bits):
            bits += 1
        self._allocate(bits)
        self.admit(hi, lo, time)
