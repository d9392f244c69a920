"""Slots in coarse buckets of time, so that what is due is found without looking at the rest."""

import heapq
from typing import Final

import numpy as np

from pipeline.sessionize.arrays import I64, concat
from pipeline.sessionize.sorting import starts_of

_SHORT: Final = 1 << 16


class TimeWheel:
    """Buckets are numbers; whoever puts slots in says what they mean."""

    def __init__(self) -> None:
        self._buckets: dict[int, list[I64]] = {}
        self._numbers: list[int] = []

    def __len__(self) -> int:
        return sum(len(part) for parts in self._buckets.values() for part in parts)

    def put(self, buckets: I64, slots: I64) -> None:
        """Add each slot to its bucket."""
        if not len(slots):
            return
        if buckets.min() == buckets.max():
            self._put(int(buckets[0]), slots)
            return
        order = _order(buckets)
        buckets, slots = buckets[order], slots[order]
        first = starts_of(buckets[1:] != buckets[:-1]).tolist()
        ends = [*first[1:], len(slots)]
        for start, end in zip(first, ends, strict=True):
            # A copy: a view would keep the whole array alive as long as its last bucket.
            self._put(int(buckets[start]), slots[start:end].copy())

    def _put(self, bucket: int, slots: I64) -> None:
        parts = self._buckets.get(bucket)
        if parts is None:
            self._buckets[bucket] = [slots]
            heapq.heappush(self._numbers, bucket)
        else:
            parts.append(slots)

    def renumber(self, places: I64) -> None:
        """Replace every slot by its place; what has none (-1) goes."""
        if not self._numbers:
            return
        buckets, slots = self.due(max(self._numbers))
        slots = places[slots]
        self.put(buckets[slots >= 0], slots[slots >= 0])

    def due(self, last: int) -> tuple[I64, I64]:
        """Take out all slots of the buckets up to ``last``; return their buckets and them."""
        numbers: list[int] = []
        parts: list[I64] = []
        while self._numbers and self._numbers[0] <= last:
            bucket = heapq.heappop(self._numbers)
            for part in self._buckets.pop(bucket):
                numbers.append(bucket)
                parts.append(part)
        slots = concat(parts)
        return np.repeat(np.array(numbers, np.int64), [len(part) for part in parts]), slots


def _order(buckets: I64) -> I64:
    """Return the places of buckets in ascending order, of equal ones in the order they came.

    numpy sorts numbers of 16 bits by their digits, ten times faster; buckets of one batch lie
    within days.
    """
    low = buckets.min()
    if buckets.max() - low < _SHORT:
        buckets = (buckets - low).astype(np.uint16)
    order: I64 = buckets.argsort(kind="stable")
    return order
