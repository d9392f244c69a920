"""Deltas of all partitions added up to absolute counts per feed, minute, dimension and key.

A minute is restated while rows may still come (open, then closed), and published once more as
final when it is dropped (semantics rule 20). Compiled loops find the slot of every delta and add
its numbers and members.
"""

from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.aggregate import count_kernels
from pipeline.aggregate.arrays import longer
from pipeline.aggregate.arrow_texts import I64, list_items, texts_of
from pipeline.aggregate.batch_columns import item_views, text_views
from pipeline.aggregate.counts import FOLDED, MAXIMUM, MEMBERS, PLAIN, SAMPLES, SUMS
from pipeline.aggregate.folding import fold_rare_keys
from pipeline.aggregate.held import FINAL, Held, Identities
from pipeline.aggregate.held_members import HeldMembers
from pipeline.aggregate.indexes import TextIndex
from pipeline.aggregate.smallest_texts import SmallestTexts
from pipeline.aggregate.stat_frame import (
    STAT_COLUMNS,
    StatColumns,
    frame_of,
    in_order,
    stat_columns,
)
from pipeline.domain.event_time import MINUTE
from pipeline.domain.feeds import Feed

__all__ = ["STAT_COLUMNS", "RequestStats", "Taken"]

HELD_FOR_ONE_KEPT: Final = 10
"""Keys that a minute and dimension may hold for each that is kept in the end."""

MOST_HELD: Final = 100_000
"""Keys that it may hold where nothing is folded in the end."""

_SETS: Final = ("sample_request_ids", "sample_session_ids")
_NO_NULLS: Final = np.zeros(0, np.uint8)


class Taken(NamedTuple):
    """What changed: ``stats`` in STAT_COLUMNS.

    ``counted``: which of ``stats`` may count anything else than when they were last taken; the
    others have a new status only. ``columns`` are those of ``stats``, as an encoder takes them;
    None if keys were folded.
    """

    stats: pl.DataFrame
    counted: npt.NDArray[np.bool_]
    columns: StatColumns | None = None


class Reached(NamedTuple):
    """How far event time was taken: the arguments of ``advance``, or less."""

    closed_through: Mapping[Feed, int]
    limit: int | None


class RequestStats:
    """Absolute counts of every minute that is not final yet.

    ``max_keys`` of a minute and dimension are kept when it is final (None: all). Before that it
    holds at most ``most_held`` keys; what comes for others is added into the key ``other`` at once.
    """

    def __init__(self, max_keys: int | None = 1000, *, most_held: int | None = None) -> None:
        self._max_keys = max_keys
        if most_held is None:
            most_held = MOST_HELD if max_keys is None else HELD_FOR_ONE_KEPT * max_keys
        self._held = Held(most_held)
        self._names = TextIndex()
        self._requests, self._sessions = SmallestTexts(SAMPLES), SmallestTexts(SAMPLES)
        self._members = HeldMembers(MEMBERS)
        self._changed: npt.NDArray[np.bool_] = np.zeros(0, bool)
        self._order: I64 = np.empty(0, np.int64)
        self._changes = 0
        self._just_closed: list[int] = []
        self._final: list[int] = []
        self._limit: int | None = None
        self._outputs: deque[tuple[int, int]] = deque()
        self._newest_taken = 0
        self.late_deltas = 0
        self.added = 0

    def __len__(self) -> int:
        """Return how many identities are held."""
        return len(self._held)

    def add(self, deltas: pl.DataFrame) -> None:
        """Add deltas up (columns of RequestDelta). Those of a dropped minute are counted only."""
        if self._limit is not None:
            late = deltas["minute"] + MINUTE <= self._limit
            if late.any():
                self.late_deltas += int(late.sum())
                deltas = deltas.filter(~late)
        if deltas.height == 0:
            return
        self.added += deltas.height
        slots, folded = self._held.take_in(self._identities(deltas))
        sums = np.empty((PLAIN, deltas.height), np.int64)
        for row, name in enumerate((*SUMS, MAXIMUM)):
            sums[row] = deltas[name].to_numpy()
        ends, buckets = list_items(deltas["durations"])
        counts = np.ascontiguousarray(buckets.to_numpy(zero_copy_only=False)[ends[0] : ends[-1]])
        numbers = self._held.numbers
        count_kernels.add_counts(slots, sums, ends[1:] - ends[0], counts, numbers)
        if folded is not None:
            np.add.at(numbers[:, FOLDED], slots[folded], 1)
        self._add_sets(deltas, slots, folded)
        self._mark_changed(slots)

    def advance(
        self, closed_through: Mapping[Feed, int], limit: int | None, most: int | None = None
    ) -> Reached:
        """Close minutes that end before their feed's watermark; drop those below the limit.

        With ``most`` it goes only so far that about so many identities are to be published for
        it, the oldest minutes first; call it again after the next take. Those that changed are
        published anyway: stopping before them would publish them twice.
        """
        if most is not None and len(self._held) > most:
            closed_through, limit = self._affordable(closed_through, limit, most)
        for feed, through in closed_through.items():
            self._just_closed += self._held.close(self._name(feed), through)
        if limit is not None:
            self._limit = limit if self._limit is None else max(limit, self._limit)
            self._final += self._held.finish(self._limit)
        return Reached(closed_through, limit)

    def pending(self) -> bool:
        """Return whether a take would give anything."""
        return bool(self._changes or self._just_closed or self._final)

    def take(self, version: int) -> Taken:
        """Return every identity that changed, closed or became final; drop the final ones."""
        with_deltas = self._changes
        self._mark_changed(self._held.of_minutes([*self._just_closed, *self._final]))
        slots = self._order[: self._changes]
        columns, order, most_keys = self._columns(slots, version)
        frame = frame_of(columns)
        self._newest_taken = int(frame["minute"].max() or 0)  # type: ignore[arg-type]
        self._changed[slots] = False
        self._changes = 0
        self._drop(self._final)
        self._final, self._just_closed = [], []
        if self._max_keys is not None and most_keys > self._max_keys:
            folded = fold_rare_keys(frame, self._max_keys)
            return Taken(folded, np.ones(folded.height, bool))
        return Taken(frame, order < with_deltas, columns)

    def delivered(self, first_offset: int) -> None:
        """Take the output offset of the last take's first record."""
        self._outputs.append((first_offset, self._newest_taken))

    def oldest_output(self) -> int | None:
        """Return the smallest output offset whose minutes are not all final."""
        if self._limit is not None:
            while self._outputs and self._outputs[0][1] + MINUTE <= self._limit:
                self._outputs.popleft()
        return self._outputs[0][0] if self._outputs else None

    def restore(self, stats: pl.DataFrame) -> None:
        """Take published records (STAT_COLUMNS and ``_offset``), oldest first."""
        self._outputs.extend(stats.select("_offset", "minute").iter_rows())
        newest = stats.unique(["feed", "minute", "dimension", "key"], keep="last")
        moving = pl.col("status").is_in(["open", "closed"])
        gone, held = newest.filter(~moving), newest.filter(moving)
        if gone.height:
            self._forget(self._held.forget(self._identities(gone)))
        if held.height == 0:
            return
        rows = self._identities(held)
        slots, _ = self._held.take_in(rows, bounded=False)
        numbers = self._held.numbers
        numbers[slots] = 0
        for column, name in enumerate((*SUMS, MAXIMUM)):
            numbers[slots, column] = held[name].to_numpy()
        numbers[slots, FOLDED] = held["keys_folded"].to_numpy()
        for slot, buckets in zip(slots.tolist(), held["durations"].to_list(), strict=True):
            numbers[slot, PLAIN : PLAIN + len(buckets)] = buckets
        self._forget(slots)
        self._add_samples(held, slots)
        self._restore_members(held, slots)
        closed = (held["status"] == "closed").to_numpy()
        self._held.close_as_told(rows.feeds[closed], rows.minutes[closed])

    def everything(self, version: int) -> pl.DataFrame:
        """Return all that is held, as if it had changed: what a restored detector observes."""
        return frame_of(self._columns(self._held.slots, version)[0])

    def resume(self, limit: int | None) -> None:
        """Take the limit that was in force when the restored records were written."""
        self._limit = limit
        if limit is not None:
            self._drop(self._held.finish(limit))

    # -- parts

    def _affordable(
        self, closed_through: Mapping[Feed, int], limit: int | None, room: int
    ) -> Reached:
        changed = longer(self._changed, len(self._held.numbers), filled_with=False)
        if limit is not None:
            limit, room = self._held.affordable(None, limit, room, changed)
        reached: dict[Feed, int] = {}
        for feed, through in closed_through.items():
            # What ends strictly before its watermark is closed.
            upto, room = self._held.affordable(self._name(feed), through - 1, room, changed)
            reached[feed] = upto + 1
        return Reached(reached, limit)

    def _name(self, name: str) -> int:
        return int(self._names_of(pl.Series([name]))[0])

    def _names_of(self, names: pl.Series) -> I64:
        return self._names.numbers_of_views(0, text_views(names), _NO_NULLS)

    def _identities(self, frame: pl.DataFrame) -> Identities:
        return Identities(
            self._names_of(frame["feed"]),
            frame["minute"].to_numpy(),
            self._names_of(frame["dimension"]),
            texts_of(frame["key"]),
        )

    def _mark_changed(self, slots: I64) -> None:
        most = len(self._held.numbers)
        self._changed = longer(self._changed, most, filled_with=False)
        self._order = longer(self._order, most, filled_with=0)
        self._changes = count_kernels.mark_changed(slots, self._changed, self._order, self._changes)

    def _add_sets(
        self, deltas: pl.DataFrame, slots: I64, folded: npt.NDArray[np.bool_] | None
    ) -> None:
        if folded is not None:
            deltas, slots = deltas.filter(pl.Series(~folded)), slots[~folded]
        self._add_samples(deltas, slots)
        counts, texts = item_views(deltas["members"])
        self._members.add(np.repeat(slots, counts), texts)

    def _add_samples(self, frame: pl.DataFrame, slots: I64) -> None:
        for kept, name in zip((self._requests, self._sessions), _SETS, strict=True):
            counts, texts = item_views(frame[name])
            groups = np.repeat(slots, counts)
            kept.add_views(groups, texts, np.arange(len(groups)))

    def _restore_members(self, held: pl.DataFrame, slots: I64) -> None:
        counts, texts = item_views(held["members"])
        self._members.add(np.repeat(slots, counts), texts)
        self._members.cap(slots[held["members_capped"].to_numpy() & (counts > 0)])

    def _columns(self, slots: I64, version: int) -> tuple[StatColumns, I64, int]:
        """Return records of slots in order, that order, and the most keys of a final dimension."""
        rows, keys = self._held.identities(slots)
        sort = in_order(rows, keys, self._names)
        slots = slots[sort.order]
        states = self._held.states(rows)[sort.order]
        columns = stat_columns(
            sort.identities,
            sort.timed,
            states=states,
            slots=slots,
            numbers=self._held.numbers,
            members=self._members.columns(slots),
            samples=[kept.lists(slots).arrow() for kept in (self._requests, self._sessions)],
            version=version,
        )
        return columns, sort.order, sort.most_keys(states == FINAL)

    def _drop(self, minutes: list[int]) -> None:
        self._forget(self._held.drop(minutes))
        if self._held.is_sparse:
            self._held, slots = self._held.packed()
            self._requests.keep(slots)
            self._sessions.keep(slots)
            self._members = self._members.packed(slots)
        elif self._members.is_sparse:
            self._members = self._members.packed()

    def _forget(self, slots: I64) -> None:
        """Forget the sets of slots."""
        self._requests.forget(slots)
        self._sessions.forget(slots)
        self._members.forget(slots)
