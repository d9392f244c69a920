"""What one commit added to every minute, dimension and key.

Each chunk is counted into groups at once: texts of keys get numbers, pairs of minute and key get
a row of a matrix, and a compiled loop counts into it. Python does nothing for single rows, except
for those with members.
"""

from collections.abc import Collection
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.aggregate import count_kernels, narrow
from pipeline.aggregate.arrow_texts import I64, Texts, texts_of
from pipeline.aggregate.batch_columns import BatchColumns
from pipeline.aggregate.counts import (
    MEMBERS,
    NUMBERS,
    SAMPLES,
    Counted,
    are_timed,
    histograms,
    plain_columns,
    roomy,
)
from pipeline.aggregate.dimensions import DIMENSIONS, Dimension, Wide
from pipeline.aggregate.dimensions.parts import Flags
from pipeline.aggregate.few_rows import FewRows
from pipeline.aggregate.indexes import PairIndex
from pipeline.aggregate.key_numbers import KeyNumbers
from pipeline.aggregate.member_pairs import MemberPairs
from pipeline.aggregate.narrow import NarrowPlan
from pipeline.aggregate.plans import IDS, plan_of
from pipeline.aggregate.row_traits import ActionTraits, column_traits
from pipeline.aggregate.smallest_texts import SmallestTexts
from pipeline.domain.event_time import MINUTE
from pipeline.domain.feeds import FEEDS, LIVE_EVENTS, Feed

DELTA_COLUMNS: Final = (
    "feed",
    "minute",
    "dimension",
    "key",
    "partition",
    "sequence",
    "rows",
    "status_1xx",
    "status_2xx",
    "status_3xx",
    "status_4xx",
    "status_5xx",
    "status_other",
    "errors",
    "writes",
    "masqueraded",
    "participations",
    "duration_sum",
    "duration_max",
    "durations",
    "members",
    "sample_request_ids",
    "sample_session_ids",
)


class _Present(NamedTuple):
    """The ids that are there, and which rows have them; None: all."""

    rows: npt.NDArray[np.bool_] | None
    texts: Texts


class RequestDeltas:
    """Collects rows between two commits."""

    def __init__(self, dimensions: tuple[Dimension, ...] = DIMENSIONS) -> None:
        self._spaces = [(feed, one) for feed in FEEDS for one in dimensions if feed in one.feeds]
        self._plans = {feed: plan_of(feed, self._spaces) for feed in FEEDS}
        self._keys = KeyNumbers()
        self._groups = PairIndex()
        self._numbers: I64 = np.zeros((0, len(NUMBERS)), np.int64)
        self._requests, self._sessions = SmallestTexts(SAMPLES), SmallestTexts(SAMPLES)
        self._members, self._actions = MemberPairs(), ActionTraits()

    def add(self, feed: Feed, batch: pl.DataFrame) -> None:
        """Count the rows of an event batch."""
        if batch.height == 0:
            return
        # A query of polars costs 50 to 100 microseconds however few the rows: one for all rows
        # together and one for each dimension that some have.
        plan, rows = self._plans[feed], _rows(batch)
        asked, everything = batch.select(plan.asked), np.arange(batch.height)
        traits = column_traits(feed, batch, rows) if plan.narrow is not None else None
        worth = _is_worth_a_look(rows)
        places = np.flatnonzero(worth)
        ids = _present_ids(_filtered(batch, IDS, pl.Series(worth))) if len(places) else None
        for space, dimension in plan.whole:
            parts = [asked[f"key {space} {part}"] for part in range(len(dimension.key))]
            keys = self._keys.of(space, parts, batch.height)
            if space == plan.actions and traits is not None:
                traits |= self._actions.of(space, keys, self._keys)
            groups = self._count(feed, keys, rows, everything)
            if ids is not None:
                self._add_ids(groups[places], ids)
        for space, dimension in plan.some:
            mask = asked[f"rows {space}"]
            positions = np.flatnonzero(mask.to_numpy())
            if len(positions):
                own = _seen(batch, mask, dimension)
                parts = [own[f"key {part}"] for part in range(len(dimension.key))]
                keys = self._keys.of(space, parts, own.height)
                groups = self._count(feed, keys, rows, positions)
                self._add_ids(groups, _present_ids(own))
        if plan.narrow is not None and traits is not None:
            positions = np.flatnonzero(traits & plan.gate)
            if len(positions):
                few = FewRows(BatchColumns(batch), positions, traits[positions])
                self._add_narrow(feed, plan.narrow, few.detailed(rows), rows)

    def pending(self) -> bool:
        """Return whether a take would give anything."""
        return len(self._groups) > 0

    def take(self, partition: int, sequence: int) -> pl.DataFrame:
        """Return the deltas since the last take, one row per identity, and start anew."""
        if not self.pending():
            return pl.DataFrame(schema=dict.fromkeys(DELTA_COLUMNS, pl.Null))
        order = np.argsort(self._groups.left, kind="stable")
        numbers, keys = self._numbers[order], self._groups.right[order]
        spaces = self._keys.spaces(keys)
        feeds = pl.Series([feed for feed, _ in self._spaces]).gather(spaces)
        dimensions = pl.Series([one.name for _, one in self._spaces]).gather(spaces)
        columns: dict[str, pl.Series | I64] = {
            "feed": feeds,
            "minute": self._groups.left[order] * MINUTE,
            "dimension": dimensions,
            "key": self._keys.texts(keys),
            "partition": pl.Series([partition], dtype=pl.Int32).new_from_index(0, len(order)),
            "sequence": pl.Series([sequence], dtype=pl.Int64).new_from_index(0, len(order)),
            **plain_columns(numbers),
            "durations": histograms(numbers, are_timed(feeds, dimensions)),
            # One more than the cap, so that whoever adds up knows that it was passed.
            "members": self._members.lists(order, MEMBERS + 1),
            "sample_request_ids": self._requests.lists(order),
            "sample_session_ids": self._sessions.lists(order),
        }
        self._clear()
        return pl.DataFrame(columns).select(DELTA_COLUMNS)

    def _count(self, feed: Feed, keys: I64, rows: Counted, positions: I64) -> I64:
        """Count the rows at these positions; return the group of each."""
        groups = self._groups.numbers(rows.minute[positions], keys)
        self._numbers = roomy(self._numbers, len(self._groups))
        count_kernels.count_rows(groups, positions, *rows[1:], feed != LIVE_EVENTS, self._numbers)
        return groups

    def _add_ids(self, groups: I64, ids: tuple[_Present, ...]) -> None:
        for kept, (present, texts) in zip((self._requests, self._sessions), ids, strict=True):
            kept.add(groups if present is None else groups[present], texts)

    def _add_narrow(self, feed: Feed, plan: NarrowPlan, few: FewRows, rows: Counted) -> None:
        """Count rows that have traits in the dimensions that ask for them."""
        found = narrow.counting(plan, few, self._keys)
        if found is None:
            return
        every = few.positions[found.places]
        groups = self._count(feed, found.keys, rows, every)
        worth = plan.sampled[found.spaces] | _is_worth_a_look(rows)[every]
        sampled = every[worth]
        ids = tuple(_present_at(few.columns, name, sampled) for name in IDS)
        self._add_ids(groups[worth], ids)
        for having, texts in narrow.members(plan, few, found).values():
            self._members.add(groups[having], texts)

    def _clear(self) -> None:
        self._numbers[: len(self._groups)] = 0
        for each in (self._keys, self._actions, self._groups, self._members):
            each.clear()
        for kept in (self._requests, self._sessions):
            kept.clear()


def _is_worth_a_look(rows: Counted) -> Flags:
    """Say of which rows ids are kept: errors and masqueraded ones."""
    return (rows.status >= 400) | rows.masqueraded


def _seen(batch: pl.DataFrame, mask: pl.Series, dimension: Wide) -> pl.DataFrame:
    """Return what is looked at of the rows of a dimension that only some have."""
    asked = [text.alias(f"key {part}") for part, text in enumerate(dimension.key)]
    names = {name for each in asked for name in each.meta.root_names()}
    return _filtered(batch, {*names, *IDS}, mask).select(*IDS, *asked)


def _filtered(batch: pl.DataFrame, names: Collection[str], mask: pl.Series) -> pl.DataFrame:
    """Return a few columns of some rows; column by column, a tenth of what a query costs."""
    return pl.DataFrame([batch[name].filter(mask) for name in names])


def _present_ids(frame: pl.DataFrame) -> tuple[_Present, ...]:
    """Return the request ids and the session ids of rows."""
    return tuple(_present(frame[name]) for name in IDS)


def _present_at(columns: BatchColumns, name: str, rows: I64) -> _Present:
    texts, present = columns.text(name, rows)
    if present is not None and not present.all():
        texts, _ = columns.text(name, rows[present])
        return _Present(present, texts)
    return _Present(None, texts)


def _present(ids: pl.Series) -> _Present:
    if not ids.null_count():
        return _Present(None, texts_of(ids))
    present = ids.is_not_null()
    return _Present(present.to_numpy(), texts_of(ids.filter(present)))


def _rows(batch: pl.DataFrame) -> Counted:
    return Counted(
        batch["time"].to_numpy() // MINUTE,
        batch["status"].to_numpy(),
        batch["duration"].to_numpy(),
        *(batch[flag].to_numpy() for flag in ("write", "masqueraded", "participated")),
    )
