"""Adds the rows of a batch to sessions: room for the kernel, and what it leaves to do."""

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from pipeline.sessionize import layout as at
from pipeline.sessionize import row_kernels as kernels
from pipeline.sessionize.activity_day import ActivityDays
from pipeline.sessionize.arrays import I64
from pipeline.sessionize.batch_rows import batch_rows, keep_texts
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

    def add(self, batch: pl.DataFrame, *, requests: bool) -> list[Added]:
        """Add rows of web_logs (``requests``) or Live Events, part by part."""
        added: list[Added] = []
        for part in batch.iter_slices(_MOST_ROWS):
            if part.height:
                self._add(part, requests, added)
        return added

    def _add(self, batch: pl.DataFrame, requests: bool, added: list[Added]) -> None:  # noqa: FBT001
        rows = batch_rows(batch)
        days, starts = self._days.around(rows.matrix[:, kernels.TIME])
        self._index.reserve(batch.height)
        room = batch.height + _ROOM
        changes, touched, vanished, event_rows = (
            np.empty(room * more, np.int64) for more in (kernels.MOST_CHANGES, 1, 1, 2)
        )
        events = np.empty(room * 2, np.uint64)
        done = 0
        while done < batch.height:
            self._store.reserve(min(batch.height - done, _ROOM))
            self._sets.reserve(_ROOM)
            store, sets, counts = self._store, self._sets, np.zeros(7, np.int64)
            counts[kernels.FREE_SLOTS] = store.numbers.count
            counts[kernels.FREE_BLOCKS] = sets.numbers.count
            done = kernels.add_rows(
                store.rows,
                store.sizes,
                store.further,
                store.marks,
                sets.blocks,
                sets.links,
                self._index.table,
                store.numbers.free,
                sets.numbers.free,
                counts,
                changes,
                touched,
                vanished,
                events,
                event_rows,
                rows.matrix,
                days,
                starts,
                at.NEUTRAL,
                requests,
                self._gap,
                done,
            )
            store.open += store.numbers.count - int(counts[kernels.FREE_SLOTS])
            store.open -= int(counts[kernels.VANISHED])
            store.numbers.count = int(counts[kernels.FREE_SLOTS])
            sets.numbers.count = int(counts[kernels.FREE_BLOCKS])
            self._index.size += int(counts[kernels.INDEXED])
            store.remember(changes[: counts[kernels.CHANGES]].copy())
            some = slice(0, int(counts[kernels.EVENTS]))
            keep_texts(sets.texts, rows, events[some], event_rows[some])
            seen = store.seen(touched[: counts[kernels.TOUCHED]])
            store.keep_paths(seen, rows.paths)
            added.append(Added(seen, vanished[: counts[kernels.VANISHED]].copy()))
