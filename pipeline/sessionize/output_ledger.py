"""Where in the output the last record of each session lies (semantics rule 15)."""

from collections import deque

import numpy as np

from pipeline.sessionize import layout as at
from pipeline.sessionize.arrays import I64, Flags, concat
from pipeline.sessionize.store import Store

_FIRST_LOOK = 16
_MOST_AT_ONCE = 1024


class OutputLedger:
    """Everything published since the oldest record that still counts, in order of offset.

    An entry counts as long as its slot says the same offset. Stale entries are passed once and
    forgotten, so the cost is that of publishing, not of what is open.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._entries: deque[tuple[I64, I64]] = deque()
        self._passed = 0
        self._next = 0

    @property
    def entries(self) -> int:
        """How many records are remembered."""
        return sum(len(slots) for _, slots in self._entries)

    def record(self, offsets: I64, slots: I64) -> None:
        """Add records in order of offset; slot -1 for one that no session depends on."""
        if not len(offsets):
            return
        # A session taken may have been absorbed before its record was delivered.
        living = (slots >= 0) & self._store.live(slots)
        self._store.rows[slots[living], at.OUTPUT] = offsets[living]
        self._entries.append((offsets, slots))
        self._next = max(self._next, int(offsets[-1]) + 1)
        self.oldest()

    def oldest(self) -> int | None:
        """Return the smallest offset that a live session's last record may have, if any."""
        while self._entries:
            offsets, slots = self._entries[0]
            # Nearly always the first one counts, as it did the last time.
            size = _FIRST_LOOK
            while self._passed < len(slots):
                step = slice(self._passed, self._passed + size)
                counts = np.flatnonzero(self._counts(offsets[step], slots[step]))
                if len(counts):
                    self._passed += int(counts[0])
                    return int(offsets[self._passed])
                self._passed += size
                size = _MOST_AT_ONCE
            self._entries.popleft()
            self._passed = 0
        return self._next if self._store.open else None

    def renumber(self, places: I64) -> None:
        """Follow slots to their new places, before the store does; what is stale goes."""
        self.oldest()
        entries, self._entries = self._entries, deque()
        start, self._passed = self._passed, 0
        for offsets, slots in entries:
            counts = self._counts(offsets[start:], slots[start:])
            if counts.any():
                self._entries.append((offsets[start:][counts], places[slots[start:][counts]]))
            start = 0

    def before(self, offset: int) -> I64:
        """Return the slots whose last record lies below the offset."""
        if self.oldest() is None:
            return concat([])
        found: list[I64] = []
        start = self._passed
        for offsets, slots in self._entries:
            end = int(np.searchsorted(offsets, offset))
            part = slice(start, end)
            found.append(slots[part][self._counts(offsets[part], slots[part])])
            if end < len(offsets):
                break
            start = 0
        return concat(found)

    def _counts(self, offsets: I64, slots: I64) -> Flags:
        counts: Flags = (slots >= 0) & (self._store.rows[slots, at.OUTPUT] == offsets)
        return counts
