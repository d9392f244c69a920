"""The identities that are held, by minute: which slot each has, and which minutes are over.

An identity is (feed, minute, dimension, key); its slot is a row of a matrix of numbers. Slots of
one minute are a chain, so that no step looks at the others. Slots of dropped minutes are left
behind; whoever holds this packs it when they are the most.
"""

import heapq
from collections import defaultdict
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from pipeline.aggregate import count_kernels
from pipeline.aggregate.arrays import longer
from pipeline.aggregate.arrow_texts import I64, Texts
from pipeline.aggregate.counts import WIDTH, roomy
from pipeline.aggregate.dimensions import OTHER
from pipeline.aggregate.indexes import PairIndex, TextIndex
from pipeline.domain.event_time import MINUTE

OPEN, CLOSED, FINAL, GONE = range(4)

_END: Final = -1
_APART: Final = -2
_DIMENSIONS: Final = (1 << 32) - 1
_SPARE: Final = 4096
"""Slots left behind that are not worth packing for."""


class Identities(NamedTuple):
    """Rows: numbers of feeds and dimensions, start of the minute (µs), key."""

    feeds: I64
    minutes: I64
    dimensions: I64
    keys: Texts


class Held:
    """Slots of identities; at most ``most`` of one minute and dimension, and one for the rest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._keys, self._slots = TextIndex(), PairIndex()
        self._minutes, self._cells = PairIndex(), PairIndex()
        self.numbers: I64 = np.zeros((0, WIDTH), np.int64)
        self._alive: npt.NDArray[np.bool_] = np.zeros(0, bool)
        self._nexts: I64 = np.empty(0, np.int64)
        self._cell_of: I64 = np.empty(0, np.int64)
        self._heads: I64 = np.empty(0, np.int64)
        self._states: npt.NDArray[np.int8] = np.empty(0, np.int8)
        self._in_cell: I64 = np.empty(0, np.int64)
        self._open: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self._all: list[tuple[int, int]] = []
        self._count = 0

    def __len__(self) -> int:
        """Return how many identities are held."""
        return self._count

    @property
    def slots(self) -> I64:
        """All slots that hold an identity."""
        return np.flatnonzero(self._alive[: len(self._slots)])

    @property
    def is_sparse(self) -> bool:
        """Whether packing would free more than it keeps."""
        return len(self._slots) > 2 * self._count + _SPARE

    # -- slots

    def take_in(
        self, rows: Identities, *, bounded: bool = True
    ) -> tuple[I64, npt.NDArray[np.bool_] | None]:
        """Return the slot of every row; identities that are not held get one.

        Where a minute and dimension is full, rows of further keys go to the slot of ``other``;
        the second answer says which (None: none).
        """
        spaces = (rows.feeds << 32) | rows.dimensions
        slots = self._find(rows.minutes, spaces, rows.keys)
        at = count_kernels.first_rows(slots, self._alive)
        if len(at) == 0:
            return slots, None
        new = slots[at]
        cells = self._cells_of(rows.minutes[at], spaces[at])
        admitted = np.empty(len(new), bool)
        most = self._most if bounded else 1 << 62
        count_kernels.admit_keys(cells, most, self._in_cell, admitted)
        self._begin(new[admitted], rows.feeds[at[admitted]], cells[admitted])
        if admitted.all():
            return slots, None
        self._alive[new[~admitted]] = False
        folded = ~self._alive[slots]
        over = np.flatnonzero(folded)
        slots[over] = self._others(rows.minutes[over], spaces[over])
        return slots, folded

    def forget(self, rows: Identities) -> I64:
        """Let go of identities, as far as they are held; return their slots."""
        spaces = (rows.feeds << 32) | rows.dimensions
        slots = np.unique(self._find(rows.minutes, spaces, rows.keys))
        slots = slots[self._alive[slots]]
        self._end(slots)
        return slots

    def identities(self, slots: I64) -> tuple[Identities, I64]:
        """Return the identities of slots; and numbers, equal for one feed, dimension and key."""
        keys = self._slots.right[slots]
        spaces = self._keys.spaces[keys]
        minutes = self._slots.left[slots]
        rows = Identities(spaces >> 32, minutes, spaces & _DIMENSIONS, self._keys.texts(keys))
        return rows, keys

    # -- minutes

    def close(self, feed: int, through: int) -> list[int]:
        """Close the open minutes of a feed that end before ``through``; return them."""
        waiting, closed = self._open[feed], []
        while waiting and waiting[0][0] + MINUTE < through:
            _, minute = heapq.heappop(waiting)
            if self._states[minute] == OPEN:
                self._states[minute] = CLOSED
                closed.append(minute)
        return closed

    def finish(self, limit: int) -> list[int]:
        """Make minutes that end at or before the limit final; return them."""
        finished = []
        while self._all and self._all[0][0] + MINUTE <= limit:
            _, minute = heapq.heappop(self._all)
            if self._states[minute] in {OPEN, CLOSED}:
                self._states[minute] = FINAL
                finished.append(minute)
        return finished

    def affordable(
        self, feed: int | None, upto: int, room: int, free: npt.NDArray[np.bool_]
    ) -> tuple[int, int]:
        """Return up to when minutes of a feed may be closed for ``room`` slots, and what is left.

        Feed None: minutes of all feeds, to be finished. Minutes count that end at or before
        ``upto``. While there is room the next start of a minute is taken whole, so that the last
        one may pass it. Slots that are ``free`` take no room.
        """
        waiting = self._all if feed is None else self._open[feed]
        states = {OPEN, CLOSED} if feed is None else {OPEN}
        taken = -1 << 62
        for start, minute in sorted(each for each in waiting if each[0] + MINUTE <= upto):
            if self._states[minute] not in states:
                continue
            if room <= 0 and start > taken:
                return start + MINUTE - 1, 0
            room -= int(np.count_nonzero(~free[self.of_minutes([minute])]))
            taken = start
        return upto, room

    def close_as_told(self, feeds: I64, minutes: I64) -> None:
        """Note minutes that were closed before a restore."""
        self._states[self._minutes.numbers(feeds, minutes)] = CLOSED

    def states(self, rows: Identities) -> npt.NDArray[np.int8]:
        """Return OPEN, CLOSED or FINAL for the minute of each row."""
        return self._states[self._minutes.numbers(rows.feeds, rows.minutes)]

    def minute(self, number: int) -> tuple[int, int]:
        """Return feed and start of a minute."""
        return int(self._minutes.left[number]), int(self._minutes.right[number])

    def of_minutes(self, minutes: list[int]) -> I64:
        """Return the slots of minutes."""
        found = np.empty(len(self._slots), np.int64)
        # One that closes and is final at once is named twice; its slots must not be.
        once = np.unique(np.array(minutes, np.int64))
        count = count_kernels.walk_minutes(once, self._heads, self._nexts, found)
        return found[:count][self._alive[found[:count]]]

    def drop(self, minutes: list[int]) -> I64:
        """Let go of minutes and all that they hold; return the slots."""
        slots = self.of_minutes(minutes)
        self._end(slots)
        self._nexts[slots] = _APART
        self._heads[minutes] = _END
        self._states[minutes] = GONE
        return slots

    def packed(self) -> tuple[Self, I64]:
        """Return the same without what was left behind, and the present slots in their order."""
        slots = self.slots
        rows, _ = self.identities(slots)
        other = type(self)(self._most)
        other.take_in(rows, bounded=False)
        other.numbers[: len(slots)] = self.numbers[slots]
        closed = self.states(rows) == CLOSED
        other.close_as_told(rows.feeds[closed], rows.minutes[closed])
        return other, slots

    # -- parts

    def _find(self, minutes: I64, spaces: I64, keys: Texts) -> I64:
        slots = self._slots.numbers(minutes, self._keys.numbers(spaces, keys))
        count = len(self._slots)
        self.numbers = roomy(self.numbers, count)
        self._alive = longer(self._alive, count, filled_with=False)
        self._nexts = longer(self._nexts, count, filled_with=_APART)
        self._cell_of = longer(self._cell_of, count, filled_with=0)
        return slots

    def _others(self, minutes: I64, spaces: I64) -> I64:
        """Return the slots that take what has no place of its own."""
        name = np.frombuffer(OTHER.encode(), np.uint8)
        ends = np.arange(len(spaces) + 1) * len(name)
        slots = self._find(minutes, spaces, Texts(ends, np.tile(name, len(spaces))))
        fresh = np.flatnonzero(~self._alive[slots])
        new, first = np.unique(slots[fresh], return_index=True)
        at = fresh[first]
        cells = self._cells_of(minutes[at], spaces[at])
        self._in_cell[cells] += 1
        self._begin(new, spaces[at] >> 32, cells)
        return slots

    def _cells_of(self, minutes: I64, spaces: I64) -> I64:
        cells = self._cells.numbers(minutes, spaces)
        self._in_cell = longer(self._in_cell, len(self._cells), filled_with=0)
        return cells

    def _begin(self, slots: I64, feeds: I64, cells: I64) -> None:
        """Hold the identities of these slots from now on, with nothing counted."""
        minutes = self._minutes.numbers(feeds, self._slots.left[slots])
        self._states = longer(self._states, len(self._minutes), filled_with=GONE)
        self._heads = longer(self._heads, len(self._minutes), filled_with=_END)
        for minute in np.unique(minutes[self._states[minutes] == GONE]).tolist():
            feed, start = self.minute(minute)
            self._states[minute] = OPEN
            heapq.heappush(self._open[feed], (start, minute))
            heapq.heappush(self._all, (start, minute))
        self._alive[slots] = True
        self._cell_of[slots] = cells
        self.numbers[slots] = 0
        self._count += len(slots)
        apart = self._nexts[slots] == _APART
        count_kernels.link(slots[apart], minutes[apart], self._heads, self._nexts)

    def _end(self, slots: I64) -> None:
        self._alive[slots] = False
        np.subtract.at(self._in_cell, self._cell_of[slots], 1)
        self._count -= len(slots)
