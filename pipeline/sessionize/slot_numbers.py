"""Numbers of places in arrays that are given out, given back and given out again."""

from typing import Final

import numpy as np

from pipeline.sessionize.arrays import I64

_AHEAD: Final = 1 << 12


class SlotNumbers:
    """A stack of free numbers: ``free`` up to ``count``; kernels pop from it and push to it.

    ``end`` is one above the largest number ever made: how long the arrays must be.
    """

    def __init__(self, taken: int = 0) -> None:
        """Begin with the first ``taken`` numbers given out."""
        self.end = taken
        self.count = 0
        self.free: I64 = np.empty(max(1024, taken), np.int64)

    def reserve(self, count: int) -> None:
        """See to it that so many numbers are free."""
        if self.count >= count:
            return
        # Making numbers moves those that are free: more at once, and it is done more seldom.
        count += min(count, _AHEAD)
        missing = count - self.count
        self.end += missing
        if self.end > len(self.free):
            longer = np.empty(max(self.end, 2 * len(self.free)), np.int64)
            longer[: self.count] = self.free[: self.count]
            self.free = longer
        # New ones below the others, so that arrays are filled from the front.
        self.free[missing:count] = self.free[: self.count].copy()
        self.free[:missing] = np.arange(self.end - 1, self.end - missing - 1, -1)
        self.count = count

    def take(self, count: int) -> I64:
        """Return that many numbers, freed ones first."""
        self.reserve(count)
        self.count -= count
        return self.free[self.count : self.count + count].copy()

    def give_back(self, numbers: I64) -> None:
        """Free numbers; none may be free already."""
        self.free[self.count : self.count + len(numbers)] = numbers
        self.count += len(numbers)
