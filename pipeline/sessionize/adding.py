"""Adds the rows of a batch to sessions: room for the kernel, and what it leaves to do."""

from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.domain.event_columns import EventColumns
from pipeline.sessionize import layout as at
from pipeline.sessionize import row_kernels as kernels
from pipeline.sessionize.activity_day import ActivityDays
from pipeline.sessionize.arrays import I64
from pipeline.sessionize.batch_rows import BatchRows, batch_rows, keep_texts
from pipeline.sessionize.hash_index import HashIndex
from pipeline.sessionize.member_sets import MemberSets
from pipeline.sessionize.store import Store

_MOST_ROWS: Final = 1 << 15
"""Rows read at once."""
_ROOM: Final = 1 << 12
"""New sessions and blocks of members for which there is room at once: few rows need any."""


class Added(NamedTuple):
    """Live sessions that got rows, and those that others absorbed."""

    slots: I64
    vanished: I64


class _Room(NamedTuple):
    """Where the kernel writes down what it did, by the names of its arguments."""

    changes: I64
    touched: I64
    vanished: I64
    events: npt.NDArray[np.uint64]
    event_rows: I64

    @classmethod
    def of(cls, rows: int) -> Self:
        """Return room for so many rows."""
        return cls(
            np.empty(rows * kernels.MOST_CHANGES, np.int64),
            np.empty(rows, np.int64),
            np.empty(rows, np.int64),
            np.empty(rows * 2, np.uint64),
            np.empty(rows * 2, np.int64),
        )


class Adding:
    """Merges rows into the store, the sets and the index of ids."""

    def __init__(
        self, store: Store, sets: MemberSets, index: HashIndex, days: ActivityDays, gap: int
    ) -> None:
        self._store = store
        self._sets = sets
        self._index = index
        self._days = days
        self._gap = gap

    def add(self, batch: pl.DataFrame | EventColumns, *, requests: bool) -> list[Added]:
        """Add rows of web_logs (``requests``) or Live Events, part by part."""
        added: list[Added] = []
        for first in range(0, batch.height, _MOST_ROWS):
            if isinstance(batch, pl.DataFrame):
                self._add(batch[first : first + _MOST_ROWS], requests, added)
            else:
                self._add(batch.part(first, first + _MOST_ROWS), requests, added)
        return added

    def _add(
        self,
        batch: pl.DataFrame | EventColumns,
        requests: bool,  # noqa: FBT001
        added: list[Added],
    ) -> None:
        rows = batch_rows(batch)
        days, starts = self._days.around(rows.matrix[:, kernels.TIME])
        self._index.reserve(batch.height)
        room, done = _Room.of(batch.height + _ROOM), 0
        while done < batch.height:
            self._store.reserve(min(batch.height - done, _ROOM))
            self._sets.reserve(_ROOM)
            store, sets, counts = self._store, self._sets, np.zeros(7, np.int64)
            counts[kernels.FREE_SLOTS] = store.numbers.count
            counts[kernels.FREE_BLOCKS] = sets.numbers.count
            done = kernels.add_rows(
                rows=store.rows,
                sizes=store.sizes,
                further=store.further,
                marks=store.marks,
                blocks=sets.blocks,
                links=sets.links,
                index=self._index.table,
                free_slots=store.numbers.free,
                free_blocks=sets.numbers.free,
                counts=counts,
                **room._asdict(),
                batch=rows.matrix,
                days=days,
                day_starts=starts,
                neutral=at.NEUTRAL,
                requests=requests,
                gap=self._gap,
                first=done,
            )
            added.append(self._added(rows, room, counts))

    def _added(self, rows: BatchRows, room: _Room, counts: I64) -> Added:
        """Take over what the kernel says it did."""
        store, sets = self._store, self._sets
        store.open += store.numbers.count - int(counts[kernels.FREE_SLOTS])
        store.open -= int(counts[kernels.VANISHED])
        store.numbers.count = int(counts[kernels.FREE_SLOTS])
        sets.numbers.count = int(counts[kernels.FREE_BLOCKS])
        self._index.size += int(counts[kernels.INDEXED])
        store.remember(room.changes[: counts[kernels.CHANGES]].copy())
        some = slice(0, int(counts[kernels.EVENTS]))
        keep_texts(sets.texts, rows, room.events[some], room.event_rows[some])
        seen = store.seen(room.touched[: counts[kernels.TOUCHED]])
        store.keep_paths(seen, rows.paths)
        return Added(seen, room.vanished[: counts[kernels.VANISHED]].copy())
