"""The duplicate filter: which event keys were seen within the limit (semantics rule 21).

An exact set of 128-bit keys with their ages in open addressing. Keys older than the limit count
as absent, and are left out whenever the table is built anew, which happens when it is three
quarters full; so memory follows the keys that can still matter, and the cost of forgetting is
spread over the keys remembered; and it is made smaller once most of it is past the limit.

Which keys are held follows from the rows seen and the limit alone: those of which a row's time is
not before ``held_from(limit)``. So a filter that is filled again from such rows is the same.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from pipeline.engine import duplicate_kernels as kernels

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_SMALLEST: Final = 1 << 10
_SPARSE: Final = 8
"""A table with more places a key is made smaller."""
_AGE_BITS: Final = 20
"""Times are kept in steps of 2^20 µs, a second: so much longer may a key be held."""
_OLDEST: Final = 1
_YOUNGEST: Final = (1 << 32) - 1


class DuplicateFilter:
    """A set of (hi, lo) keys, each with its event time in microseconds.

    Costs 20 bytes a place, 1.33 to 1.82 places a key, the old table besides the new one while it
    is built anew; see ``docs/benchmarks.md``.
    """

    def __init__(self) -> None:
        self._oldest = self._youngest = _OLDEST
        self._used = 0
        self._used_then = 0
        self._youngest_then = _OLDEST
        """Places taken when it was last asked whether the table is too large, or when it was
        built, and the age of the youngest key then."""
        self._table = _empty(_SMALLEST)

    def __len__(self) -> int:
        """Return how many places are taken; some may be past the limit already."""
        return self._used

    @property
    def nbytes(self) -> int:
        """The memory of the table in bytes."""
        return self._table.nbytes

    def forget(self, limit: int) -> None:
        """Hold no key any more whose event time is before ``held_from(limit)``."""
        self._oldest = max(self._oldest, _age(limit))
        if self._oldest <= self._youngest_then:
            return
        # All keys that were there then are past the limit: that pays for a smaller table.
        since = self._used - self._used_then
        if self._places > max(_SMALLEST, _SPARSE * since):
            self._rebuild(0)
        self._used_then, self._youngest_then = self._used, self._youngest

    def admit(self, hi: U64, lo: U64, time: I64) -> Bools:
        """Remember the keys; return for each row whether its key was not held.

        Of rows with equal keys in one call the first is new, if their times are within the limit.
        A time before 1970 counts as 1970.
        """
        if (self._used + len(hi)) * 4 > self._places * 3:
            self._rebuild(len(hi))
        new = np.empty(len(hi), np.bool_)
        spans = (time >> _AGE_BITS) + _OLDEST
        np.minimum(np.maximum(spans, _OLDEST, out=spans), _YOUNGEST, out=spans)
        ages = spans.astype(np.uint32)
        if len(ages):
            self._youngest = max(self._youngest, int(ages.max()))
        self._used += kernels.admit(
            np.ascontiguousarray(hi),
            np.ascontiguousarray(lo),
            ages,
            np.uint32(self._oldest),
            self._table,
            new,
        )
        return new

    @property
    def _places(self) -> int:
        return len(self._table) // kernels.WIDTH

    def _rebuild(self, extra: int) -> None:
        self._used = kernels.held(self._table, self._oldest)
        larger = _empty(max(_SMALLEST, (self._used + extra) * 20 // 11))
        kernels.move(self._table, self._oldest, larger)
        self._table = larger
        self._used_then, self._youngest_then = self._used, self._youngest


def held_from(limit: int) -> int:
    """Return the event time from which on keys are held: the limit or up to a step before it."""
    return limit >> _AGE_BITS << _AGE_BITS


def _age(time: int) -> int:
    return min(max((time >> _AGE_BITS) + _OLDEST, _OLDEST), _YOUNGEST)


def _empty(places: int) -> npt.NDArray[np.uint32]:
    return np.zeros(places * kernels.WIDTH, np.uint32)
