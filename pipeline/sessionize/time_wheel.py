"""Slots in buckets of time, so that what is due is found without looking at the rest.

A hierarchical timing wheel of two levels (Varghese and Lauck, 1987): what is far away lies in spans
of buckets, and a span is dealt out to its buckets when the first of them is due. A chunk's slots
are of a few spans, but of a hundred buckets.
"""

import heapq
from collections.abc import Iterator
from typing import Final

import numpy as np

from pipeline.sessionize.arrays import I64, concat
from pipeline.sessionize.sorting import starts_of

_SHORT: Final = 1 << 16
_SPAN: Final = 6
"""Bits: 64 buckets are a span."""
_NOTHING_YET: Final = -(1 << 63)

Entries = tuple[I64, I64]
"""Buckets, and the slots in them."""


class TimeWheel:
    """Buckets are numbers; whoever puts slots in says what they mean."""

    def __init__(self) -> None:
        self._near, self._far = _Queue(), _Queue()
        self._last_near = _NOTHING_YET

    def __len__(self) -> int:
        return len(self._near) + len(self._far)

    def put(self, buckets: I64, slots: I64) -> None:
        """Add each slot to its bucket."""
        if not len(slots):
            return
        spans = buckets >> _SPAN
        if spans.min() <= self._last_near:
            near = spans <= self._last_near
            self._near.put(buckets[near], (buckets[near], slots[near]))
            spans, buckets, slots = spans[~near], buckets[~near], slots[~near]
        self._far.put(spans, (buckets, slots))

    def renumber(self, places: I64) -> None:
        """Replace every slot by its place; what has none (-1) goes."""
        for queue in (self._near, self._far):
            queue.renumber(places)

    def due(self, last: int) -> Entries:
        """Take out all slots of the buckets up to ``last``; return their buckets and them."""
        for buckets, slots in self._far.due(last >> _SPAN):
            self._near.put(buckets, (buckets, slots))
        self._last_near = max(self._last_near, last >> _SPAN)
        found = [*self._near.due(last)]
        return concat([buckets for buckets, _ in found]), concat([slots for _, slots in found])


class _Queue:
    """Entries by number, the smallest first."""

    def __init__(self) -> None:
        self._entries: dict[int, list[Entries]] = {}
        self._numbers: list[int] = []

    def __len__(self) -> int:
        return sum(len(slots) for parts in self._entries.values() for _, slots in parts)

    def put(self, numbers: I64, entries: Entries) -> None:
        """Add each entry to its number."""
        if not len(numbers):
            return
        if numbers.min() == numbers.max():
            self._put(int(numbers[0]), entries)
            return
        order = _order(numbers)
        numbers, buckets, slots = numbers[order], entries[0][order], entries[1][order]
        first = starts_of(numbers[1:] != numbers[:-1]).tolist()
        for start, end in zip(first, [*first[1:], len(slots)], strict=True):
            # Copies: a view would keep the whole array alive as long as its last bucket.
            part = buckets[start:end].copy(), slots[start:end].copy()
            self._put(int(numbers[start]), part)

    def _put(self, number: int, entries: Entries) -> None:
        parts = self._entries.get(number)
        if parts is None:
            self._entries[number] = [entries]
            heapq.heappush(self._numbers, number)
        else:
            parts.append(entries)

    def renumber(self, places: I64) -> None:
        """Replace every slot by its place; what has none (-1) goes."""
        for number, parts in self._entries.items():
            buckets = concat([buckets for buckets, _ in parts])
            slots = places[concat([slots for _, slots in parts])]
            self._entries[number] = [(buckets[slots >= 0], slots[slots >= 0])]

    def due(self, last: int) -> Iterator[Entries]:
        """Take out the entries of all numbers up to ``last``."""
        while self._numbers and self._numbers[0] <= last:
            yield from self._entries.pop(heapq.heappop(self._numbers))


def _order(numbers: I64) -> I64:
    """Return the places of numbers in ascending order, of equal ones in the order they came.

    numpy sorts numbers of 16 bits by their digits, ten times faster; buckets of one batch lie
    within days.
    """
    low = numbers.min()
    if numbers.max() - low < _SHORT:
        numbers = (numbers - low).astype(np.uint16)
    order: I64 = numbers.argsort(kind="stable")
    return order
