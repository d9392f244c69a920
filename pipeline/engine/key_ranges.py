"""Which input offsets hold event keys that still matter (semantics rule 21).

A restore reads the key column again from there, so the filter itself is never stored.
"""

from collections import deque


class KeyRanges:
    """Offset ranges of one input topic with the largest event time in each, oldest first."""

    def __init__(self, rows_per_range: int = 10_000) -> None:
        self._rows = rows_per_range
        self._ranges: deque[tuple[int, int, int]] = deque()

    def add(self, first: int, last: int, largest_time: int) -> None:
        """Remember rows of offsets first to last; small neighbours share a range."""
        if self._ranges and last - self._ranges[-1][0] < self._rows:
            start, _, largest = self._ranges.pop()
            self._ranges.append((start, last, max(largest, largest_time)))
        else:
            self._ranges.append((first, last, largest_time))

    def oldest(self, limit: int | None) -> int | None:
        """Return the smallest offset whose key may still matter; None if none does."""
        if limit is not None:
            while self._ranges and self._ranges[0][2] < limit:
                self._ranges.popleft()
        return self._ranges[0][0] if self._ranges else None
