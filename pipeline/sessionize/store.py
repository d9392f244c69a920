"""Where live sessions lie: one slot each, in columns that grow together."""

from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from pipeline.sessionize import layout as at
from pipeline.sessionize.arrays import I32, I64, U8, Flags, concat
from pipeline.sessionize.column_kernels import read_columns
from pipeline.sessionize.row_kernels import CHANGED, LIVE, SEEN
from pipeline.sessionize.slot_numbers import SlotNumbers
from pipeline.sessionize.text_log import TextLog
from pipeline.sessionize.text_views import TextViews

_FIRST_CAPACITY: Final = 1 << 10
_RESTATED: Final = np.uint8(8)
"""Mark of a slot to be published again though no row changed it; besides those of the kernels."""
_Column = TypeVar("_Column", bound=npt.NDArray[np.generic])


class Store:
    """The numbers of every slot (``layout``), its two paths, its sets' sizes and further members.

    ``marks`` say which slots live, and which the next publication contains.
    """

    def __init__(self) -> None:
        self.open = 0
        self.numbers = SlotNumbers()
        self._changes: list[I64] = []
        self._restated: list[I64] = []
        self.paths = TextLog()
        self.rows: I64 = np.empty((_FIRST_CAPACITY, at.WIDTH), np.int64)
        self.sizes: U8 = np.zeros((_FIRST_CAPACITY, len(at.SETS)), np.uint8)
        self.further: I32 = np.full((_FIRST_CAPACITY, len(at.SETS)), -1, np.int32)
        self.marks: U8 = np.zeros(_FIRST_CAPACITY, np.uint8)

    @property
    def capacity(self) -> int:
        """How many slots there is memory for."""
        return len(self.rows)

    def reserve(self, count: int) -> None:
        """See to it that so many slots are free."""
        self.numbers.reserve(count)
        if self.numbers.end > len(self.rows):
            self._grow()

    def create(self, rows: I64) -> I64:
        """Return new slots that hold these rows, without paths and members."""
        self.reserve(len(rows))
        slots = self.numbers.take(len(rows))
        self.rows[slots] = rows
        self.sizes[slots] = 0
        self.further[slots] = -1
        self.marks[slots] = LIVE
        self.open += len(slots)
        return slots

    def live(self, slots: I64) -> Flags:
        """Return which slots hold a session."""
        live: Flags = (self.marks[slots] & LIVE) != 0
        return live

    def all_live(self) -> I64:
        """Return every slot that holds a session; costs a look at each slot there is."""
        return np.flatnonzero(self.marks & LIVE)

    def keep_paths(self, slots: I64, paths: TextViews) -> None:
        """Write down the paths of slots that still stand as rows of a batch."""
        for column in (at.ENTRY_TEXT, at.EXIT_TEXT):
            rows = at.text_of_row(self.rows[slots, column])
            which = np.flatnonzero(rows >= 0)
            numbers = self.paths.append(paths, rows[which])
            self.rows[slots[which], column] = numbers
        if self.paths.wasteful(2 * self.open):
            self._rewrite_paths(self.all_live())

    def _rewrite_paths(self, live: I64) -> None:
        columns = self.rows[live, at.ENTRY_TEXT], self.rows[live, at.EXIT_TEXT]
        numbers = self.paths.rewrite(np.concatenate(columns))
        self.rows[live, at.ENTRY_TEXT] = numbers[: len(live)]
        self.rows[live, at.EXIT_TEXT] = numbers[len(live) :]

    def retire(self, slots: I64) -> None:
        """Take slots out of the living; their contents stay until ``free``."""
        self.marks[slots] = 0
        self.rows[slots, at.TIMER] = -1
        self.rows[slots, at.OUTPUT] = -1
        self.open -= len(slots)

    def free(self, slots: I64) -> None:
        """Make retired slots available again."""
        self.numbers.give_back(slots)

    def touch(self, slots: I64) -> None:
        """Mark slots (each once) as to be published again; their rows are published already."""
        fresh = slots[(self.marks[slots] & _RESTATED) == 0]
        self.marks[fresh] |= _RESTATED
        if len(fresh):
            self._restated.append(fresh)

    def remember(self, fresh: I64) -> None:
        """Take over slots that were marked as changed; some may have been retired since."""
        if len(fresh):
            self._changes.append(fresh)

    def seen(self, slots: I64) -> I64:
        """Return those that live, and let them be seen anew."""
        self.marks[slots] &= ~np.uint8(SEEN)
        return slots[self.live(slots)]

    def columns(self, slots: I64) -> I64:
        """Return the numbers of slots, one column of ``layout`` after the other."""
        columns = np.empty((at.WIDTH, len(slots)), np.int64)
        read_columns(self.rows, slots, columns)
        return columns

    @property
    def any_changed(self) -> bool:
        """Whether ``take_changed`` may return anything."""
        return bool(self._changes or self._restated)

    def take_changed(self, limit: int) -> I64:
        """Return the slots that rows changed, and touched ones up to about the limit in all.

        Their marks are taken away. A tenth of the limit is for touched ones in any case. To be
        called before retired slots are freed: what is left must not name them.
        """
        changed = concat(self._changes)
        changed = changed[(self.marks[changed] & CHANGED) != 0]
        self.marks[changed] &= ~(np.uint8(CHANGED) | _RESTATED)
        self._changes = []
        touched = concat(self._restated)
        touched = touched[(self.marks[touched] & _RESTATED) != 0]
        room = max(limit - len(changed), limit // 10)
        taken, left = touched[:room], touched[room:]
        self.marks[taken] &= ~_RESTATED
        self._restated = [left] if len(left) else []
        return np.concatenate((changed, taken))

    def pack(self, live: I64, places: I64) -> None:
        """Move the live slots to the front and give the others' memory back.

        ``places``: for each slot its new one, -1 for those not live. Members are the sets' to
        bring along. To be called when no retired slot waits to be freed.
        """
        capacity = _FIRST_CAPACITY
        while capacity < 2 * len(live):
            capacity *= 2
        self.rows = _longer(self.rows[live], capacity)
        self.sizes = np.zeros((capacity, len(at.SETS)), np.uint8)
        self.further = np.full((capacity, len(at.SETS)), -1, np.int32)
        self.marks = _longer(self.marks[live], capacity)
        self.numbers = SlotNumbers(len(live))
        following = self.rows[: len(live), at.NEXT]
        linked = following >= 0
        following[linked] = places[following[linked]]
        self._changes = _moved(self._changes, places)
        self._restated = _moved(self._restated, places)
        self._rewrite_paths(np.arange(len(live)))

    def _grow(self) -> None:
        capacity = len(self.rows)
        while capacity < self.numbers.end:
            capacity *= 2
        self.rows = _longer(self.rows, capacity)
        self.sizes = _longer(self.sizes, capacity)
        self.further = _longer(self.further, capacity)
        self.marks = _longer(self.marks, capacity)


def _moved(parts: list[I64], places: I64) -> list[I64]:
    slots = places[concat(parts)]
    slots = slots[slots >= 0]
    return [slots] if len(slots) else []


def _longer(column: _Column, capacity: int) -> _Column:
    # Zeros are pages that the system hands out only when they are written to.
    longer = np.zeros((capacity, *column.shape[1:]), column.dtype)
    longer[: len(column)] = column
    return longer  # type: ignore[return-value]
