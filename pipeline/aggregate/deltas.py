"""What one commit added to every minute, dimension and key.

Each chunk is counted into groups at once: texts of keys get numbers, pairs of minute and key get
a row of a matrix, and a compiled loop counts into it. Python does nothing for single rows, except
for those with members.
"""

from collections import defaultdict
from collections.abc import Collection
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.aggregate import count_kernels
from pipeline.aggregate.arrow_texts import I64, Texts, texts_of
from pipeline.aggregate.counts import (
    MEMBERS,
    NUMBERS,
    SAMPLES,
    histograms,
    plain_columns,
    roomy,
    sparse_text_lists,
)
from pipeline.aggregate.dimensions import DIMENSIONS, Dimension
from pipeline.aggregate.indexes import PairIndex
from pipeline.aggregate.key_numbers import KeyNumbers
from pipeline.aggregate.members import smallest_by_hash
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


class _Rows(NamedTuple):
    """Columns of an event batch as the kernels take them; ``minute`` in whole minutes."""

    minute: I64
    status: npt.NDArray[np.int32]
    duration: I64
    writes: npt.NDArray[np.bool_]
    masqueraded: npt.NDArray[np.bool_]
    participations: npt.NDArray[np.bool_]


class _Present(NamedTuple):
    """The ids that are there, and which rows have them; None: all."""

    rows: npt.NDArray[np.bool_] | None
    texts: Texts


class _Plan(NamedTuple):
    """What is asked of the batches of one feed.

    The dimensions of all rows and those of some come with a number, their space; ``asked`` gives
    the keys of the former (``key <space> <part>``), the rows of the latter (``rows <space>``).
    """

    whole: list[tuple[int, Dimension]]
    some: list[tuple[int, Dimension]]
    asked: list[pl.Expr]


class RequestDeltas:
    """Collects rows between two commits."""

    def __init__(self, dimensions: tuple[Dimension, ...] = DIMENSIONS) -> None:
        self._spaces = [(feed, one) for feed in FEEDS for one in dimensions if feed in one.feeds]
        self._plans = {feed: _plan(feed, self._spaces) for feed in FEEDS}
        self._keys = KeyNumbers()
        self._groups = PairIndex()
        self._numbers: I64 = np.zeros((0, len(NUMBERS)), np.int64)
        self._requests, self._sessions = SmallestTexts(SAMPLES), SmallestTexts(SAMPLES)
        self._members: defaultdict[int, set[str]] = defaultdict(set)

    def add(self, feed: Feed, batch: pl.DataFrame) -> None:
        """Count the rows of an event batch."""
        if batch.height == 0:
            return
        # A query of polars costs 50 to 100 microseconds however few the rows: one for all rows
        # together and one for each dimension that some have.
        plan, rows = self._plans[feed], _rows(batch)
        asked, everything = batch.select(plan.asked), np.arange(batch.height)
        # Ids are kept of the rows worth a look: errors and masqueraded ones.
        worth = (rows.status >= 400) | rows.masqueraded
        places = np.flatnonzero(worth)
        ids = _present_ids(_filtered(batch, _IDS, pl.Series(worth))) if len(places) else None
        for space, dimension in plan.whole:
            parts = [asked[f"key {space} {part}"] for part in range(len(dimension.key))]
            keys = self._keys.of(space, parts, batch.height)
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
                self._add_members(groups, own)

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
            "durations": histograms(numbers, (feeds != LIVE_EVENTS).to_numpy()),
            "members": self._some_members(order),
            "sample_request_ids": self._requests.lists(order),
            "sample_session_ids": self._sessions.lists(order),
        }
        self._clear()
        return pl.DataFrame(columns).select(DELTA_COLUMNS)

    def _count(self, feed: Feed, keys: I64, rows: _Rows, positions: I64) -> I64:
        """Count the rows at these positions; return the group of each."""
        groups = self._groups.numbers(rows.minute[positions], keys)
        self._numbers = roomy(self._numbers, len(self._groups))
        count_kernels.count_rows(groups, positions, *rows[1:], feed != LIVE_EVENTS, self._numbers)
        return groups

    def _add_ids(self, groups: I64, ids: tuple[_Present, ...]) -> None:
        for kept, (present, texts) in zip((self._requests, self._sessions), ids, strict=True):
            kept.add(groups if present is None else groups[present], texts)

    def _add_members(self, groups: I64, own: pl.DataFrame) -> None:
        """Remember the members of rows, one by one in Python: few rows have them."""
        if "member" in own.columns:
            for group, member in zip(groups.tolist(), own["member"].to_list(), strict=True):
                if member is not None:
                    self._members[group].add(member)

    def _some_members(self, order: I64) -> pl.Series:
        # One more than the cap, so that whoever adds up knows that it was passed.
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        some = {
            int(place[group]): smallest_by_hash(members, MEMBERS + 1)
            for group, members in self._members.items()
        }
        return sparse_text_lists(len(order), some)

    def _clear(self) -> None:
        self._numbers[: len(self._groups)] = 0
        for each in (self._keys, self._groups, self._requests, self._sessions, self._members):
            each.clear()


_IDS: Final = ("request_id", "session_id")


def _plan(feed: Feed, spaces: list[tuple[Feed, Dimension]]) -> _Plan:
    own = [(space, one) for space, (fed, one) in enumerate(spaces) if fed == feed]
    whole = [(space, one) for space, one in own if one.rows is None]
    some = [(space, one) for space, one in own if one.rows is not None]
    keys = [
        text.alias(f"key {space} {part}")
        for space, one in whole
        for part, text in enumerate(one.key)
    ]
    rows = [one.rows.alias(f"rows {space}") for space, one in some if one.rows is not None]
    return _Plan(whole, some, [*keys, *rows])


def _seen(batch: pl.DataFrame, mask: pl.Series, dimension: Dimension) -> pl.DataFrame:
    """Return what is looked at of the rows of a dimension that only some have."""
    asked = [text.alias(f"key {part}") for part, text in enumerate(dimension.key)]
    if dimension.members is not None:
        asked.append(dimension.members.alias("member"))
    names = {name for each in asked for name in each.meta.root_names()}
    return _filtered(batch, {*names, *_IDS}, mask).select(*_IDS, *asked)


def _filtered(batch: pl.DataFrame, names: Collection[str], mask: pl.Series) -> pl.DataFrame:
    """Return a few columns of some rows; column by column, a tenth of what a query costs."""
    return pl.DataFrame([batch[name].filter(mask) for name in names])


def _present_ids(frame: pl.DataFrame) -> tuple[_Present, ...]:
    """Return the request ids and the session ids of rows."""
    return tuple(_present(frame[name]) for name in _IDS)


def _present(ids: pl.Series) -> _Present:
    if not ids.null_count():
        return _Present(None, texts_of(ids))
    present = ids.is_not_null()
    return _Present(present.to_numpy(), texts_of(ids.filter(present)))


def _rows(batch: pl.DataFrame) -> _Rows:
    return _Rows(
        batch["time"].to_numpy() // MINUTE,
        batch["status"].to_numpy(),
        batch["duration"].to_numpy(),
        *(batch[flag].to_numpy() for flag in ("write", "masqueraded", "participated")),
    )
