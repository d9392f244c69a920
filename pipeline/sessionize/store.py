"""Where live sessions lie: one slot each, in columns that grow together."""

from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.sessionize import layout as at
from pipeline.sessionize.arrays import EMPTY, I32, I64, U8, Flags, concat
from pipeline.sessionize.arrow_columns import large_texts
from pipeline.sessionize.slot_numbers import SlotNumbers
from pipeline.sessionize.text_log import TextLog

_FIRST_CAPACITY: Final = 1 << 10
_STEP: Final = 1 << 10
_Column = TypeVar("_Column", bound=npt.NDArray[np.generic])


class Store:
    """The numbers of every slot (``layout``), its two paths, its sets' sizes and further members.

    ``changed`` marks slots that the next publication contains.
    """

    def __init__(self) -> None:
        self.open = 0
        self._numbers = SlotNumbers()
        self._changes: list[I64] = []
        self.paths = TextLog()
        self.rows: I64 = np.empty((_FIRST_CAPACITY, at.WIDTH), np.int64)
        self.sizes: U8 = np.zeros((_FIRST_CAPACITY, len(at.SETS)), np.uint8)
        self.further: I32 = np.full((_FIRST_CAPACITY, len(at.SETS)), -1, np.int32)
        self.live: Flags = np.zeros(_FIRST_CAPACITY, np.bool_)
        self.changed: Flags = np.zeros(_FIRST_CAPACITY, np.bool_)

    def create(self, rows: I64) -> I64:
        """Return new slots that hold these rows, without paths and members."""
        slots = self._numbers.take(len(rows))
        if self._numbers.end > len(self.rows):
            self._grow()
        self.rows[slots] = rows
        self.sizes[slots] = 0
        self.further[slots] = -1
        self.live[slots] = True
        self.open += len(slots)
        return slots

    def keep_paths(self, slots: I64, paths: pl.Series) -> None:
        """Write down the paths of slots that still stand as rows of a batch."""
        texts = large_texts(paths)
        for column in (at.ENTRY_TEXT, at.EXIT_TEXT):
            rows = at.text_of_row(self.rows[slots, column])
            which = np.flatnonzero(rows >= 0)
            numbers = self.paths.append(texts.take(rows[which]))
            self.rows[slots[which], column] = numbers
        if self.paths.wasteful(2 * self.open):
            live = np.flatnonzero(self.live)
            columns = self.rows[live, at.ENTRY_TEXT], self.rows[live, at.EXIT_TEXT]
            numbers = self.paths.rewrite(np.concatenate(columns))
            self.rows[live, at.ENTRY_TEXT] = numbers[: len(live)]
            self.rows[live, at.EXIT_TEXT] = numbers[len(live) :]

    def retire(self, slots: I64) -> None:
        """Take slots out of the living; their contents stay until ``free``."""
        self.live[slots] = False
        self.changed[slots] = False
        self.rows[slots, at.TIMER] = -1
        self.rows[slots, at.OUTPUT] = -1
        self.open -= len(slots)

    def free(self, slots: I64) -> None:
        """Make retired slots available again."""
        self._numbers.give_back(slots)

    def touch(self, slots: I64) -> None:
        """Mark slots (each once) as changed."""
        fresh = slots[~self.changed[slots]]
        if len(fresh):
            self.changed[fresh] = True
            self._changes.append(fresh)

    def columns(self, slots: I64) -> I64:
        """Return the numbers of slots, one column of ``layout`` after the other."""
        columns = np.empty((at.WIDTH, len(slots)), np.int64)
        # In steps that fit into a core's cache: a third of the time.
        for first in range(0, len(slots), _STEP):
            step = slice(first, first + _STEP)
            columns[:, step] = self.rows.take(slots[step], axis=0).T
        return columns

    @property
    def any_changed(self) -> bool:
        """Whether ``take_changed`` may return anything."""
        return bool(self._changes)

    def take_changed(self) -> I64:
        """Return the changed slots, and mark none as changed."""
        if not self._changes:
            return EMPTY
        slots = concat(self._changes)
        slots = slots[self.changed[slots]]
        self.changed[slots] = False
        self._changes = []
        return slots

    def _grow(self) -> None:
        capacity = len(self.rows)
        while capacity < self._numbers.end:
            capacity *= 2
        self.rows = _longer(self.rows, capacity)
        self.sizes = _longer(self.sizes, capacity)
        self.further = _longer(self.further, capacity)
        self.live = _longer(self.live, capacity)
        self.changed = _longer(self.changed, capacity)


def _longer(column: _Column, capacity: int) -> _Column:
    # Zeros are pages that the system hands out only when they are written to.
    longer = np.zeros((capacity, *column.shape[1:]), column.dtype)
    longer[: len(column)] = column
    return longer  # type: ignore[return-value]
