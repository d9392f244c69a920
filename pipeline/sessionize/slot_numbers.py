"""Numbers of places in arrays that are given out, given back and given out again."""

import numpy as np

from pipeline.sessionize.arrays import I64, concat


class SlotNumbers:
    """``end`` is one above the largest number ever given out: how long the arrays must be."""

    def __init__(self) -> None:
        self.end = 0
        self._free: list[I64] = []

    def take(self, count: int) -> I64:
        """Return that many numbers, freed ones first."""
        parts: list[I64] = []
        while count and self._free:
            part = self._free.pop()
            if len(part) > count:
                self._free.append(part[count:])
                part = part[:count]
            parts.append(part)
            count -= len(part)
        if count:
            parts.append(np.arange(self.end, self.end + count))
            self.end += count
        return concat(parts)

    def give_back(self, numbers: I64) -> None:
        """Free numbers; none may be free already."""
        if len(numbers):
            self._free.append(numbers)
