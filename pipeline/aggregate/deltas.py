"""What one commit added to every minute, dimension and key.

Each chunk is counted into groups at once: texts of keys get numbers, pairs of minute and key get
a row of a matrix, and a compiled loop counts into it. Python does nothing for single rows, except
for those with members.
"""

from typing import Final

import numpy as np
import polars as pl

from pipeline.aggregate import count_kernels
from pipeline.aggregate.action_keys import ActionKeys
from pipeline.aggregate.arrow_texts import I64, Texts, texts_of
from pipeline.aggregate.batch_columns import Batch, BatchColumns
from pipeline.aggregate.counts import (
    MEMBERS,
    SAMPLES,
    WIDTH,
    Counted,
    are_timed,
    roomy,
)
from pipeline.aggregate.delta_records import LAYOUT, DeltaTexts, delta_records
from pipeline.aggregate.dimensions import CONTROLLER_ACTION, DIMENSIONS, Dimension
from pipeline.aggregate.few_rows import FewRows
from pipeline.aggregate.indexes import PairIndex, TextIndex
from pipeline.aggregate.keyed_rows import KeyPlan
from pipeline.aggregate.member_pairs import MemberPairs
from pipeline.aggregate.part_program import Flags
from pipeline.aggregate.plans import IDS, WidePlan, plan_of
from pipeline.aggregate.row_traits import column_traits
from pipeline.aggregate.smallest_texts import SmallestTexts
from pipeline.domain.event_time import MINUTE
from pipeline.domain.feeds import FEEDS, WEB_LOGS, Feed
from pipeline.domain.laid_out import Records

_EMPTY: Final = Texts(np.zeros(2, np.int64), np.zeros(0, np.uint8))
_FAR: Final = 1 << 62
_SPAN: Final = 1 << 15
_COUNTED: Final = ("status", "duration", "write", "masqueraded", "participated")


class RequestDeltas:
    """Collects rows between two commits."""

    def __init__(self, dimensions: tuple[Dimension, ...] = DIMENSIONS) -> None:
        self._spaces = [(feed, one) for feed in FEEDS for one in dimensions if feed in one.feeds]
        self._plans = {feed: plan_of(feed, self._spaces) for feed in FEEDS}
        feeds = pl.Series([feed for feed, _ in self._spaces], dtype=pl.String)
        names = pl.Series([one.name for _, one in self._spaces], dtype=pl.String)
        self._feeds, self._names = texts_of(feeds), texts_of(names)
        self._timed = are_timed(feeds, names)
        self._keys = TextIndex()
        self._groups = PairIndex()
        self._numbers: I64 = np.zeros((0, WIDTH), np.int64)
        self._requests, self._sessions = SmallestTexts(SAMPLES), SmallestTexts(SAMPLES)
        self._members = MemberPairs()
        self._actions = {
            space: ActionKeys(space)
            for space, (_, one) in enumerate(self._spaces)
            if one is CONTROLLER_ACTION
        }

    def add(self, feed: Feed, batch: Batch) -> None:
        """Count the rows of an event batch."""
        if batch.height == 0:
            return
        # Nothing here asks polars: a query costs 50 to 100 microseconds however few the rows, and
        # a millisecond while the cores are busy.
        plan, columns = self._plans[feed], BatchColumns(batch)
        rows = _rows(columns)
        everything = FewRows(columns, np.arange(batch.height), np.zeros(batch.height, np.int32))
        traits = column_traits(feed, columns, rows) if plan.narrow is not None else None
        worth = _is_worth_a_look(rows)
        places = np.flatnonzero(worth)
        for one in plan.whole:
            if one.space in self._actions:
                keys, said = self._actions[one.space].of(columns, self._keys)
                traits = said if traits is None else traits | said
            else:
                keys = self._wide_keys(one, everything)
            groups = self._count(feed, keys, rows, everything.positions)
            self._add_ids(groups[places], columns, places)
        for one in plan.some:
            positions = columns.having(one.having or "")
            if len(positions):
                keys = self._wide_keys(one, everything.at(positions))
                groups = self._count(feed, keys, rows, positions)
                self._add_ids(groups, columns, positions)
        if plan.narrow is not None and traits is not None:
            positions = np.flatnonzero(traits & plan.gate)
            if len(positions):
                few = FewRows(columns, positions, traits[positions])
                self._add_narrow(feed, plan.narrow, few.detailed(rows), rows, worth)

    def _wide_keys(self, one: WidePlan, rows: FewRows) -> I64:
        """Return the number of every row's key."""
        if one.keys is None:
            return np.full(
                len(rows.positions), self._keys.numbers(np.array([one.space]), _EMPTY)[0]
            )
        return one.keys.rows(rows, self._keys).keys

    def pending(self) -> bool:
        """Return whether a take would give anything."""
        return len(self._groups) > 0

    def take(self, partition: int, sequence: int) -> pl.DataFrame:
        """Return ``take_records`` as a frame."""
        return self.take_records(partition, sequence).frame(LAYOUT)

    def take_records(self, partition: int, sequence: int) -> Records:
        """Return the deltas since the last take, one for each identity, and start anew.

        They are laid out as ``delta_records.LAYOUT`` says, and good until the next ``add``.
        """
        order = _by_minute(self._groups.left)
        minutes, keys = self._groups.left[order] * MINUTE, self._groups.right[order]
        spaces = self._keys.spaces[keys]
        # Of members one more than the cap, so that whoever adds up knows that it was passed.
        members = self._members.lists(order, MEMBERS + 1)
        samples = self._requests.lists(order), self._sessions.lists(order)
        taken = delta_records(
            order,
            self._numbers,
            self._timed[spaces],
            (minutes, spaces, keys, partition, sequence),
            DeltaTexts(self._feeds, self._names, self._keys.memory, members, *samples),
        )
        self._clear()
        return taken

    def _count(self, feed: Feed, keys: I64, rows: Counted, positions: I64) -> I64:
        """Count the rows at these positions; return the group of each."""
        groups = self._groups.numbers(rows.minute[positions], keys)
        self._numbers = roomy(self._numbers, len(self._groups))
        count_kernels.count_rows(groups, positions, *rows[1:], feed == WEB_LOGS, self._numbers)
        return groups

    def _add_ids(self, groups: I64, columns: BatchColumns, rows: I64) -> None:
        """Offer the request ids and the session ids of rows to their groups."""
        for kept, name in zip((self._requests, self._sessions), IDS, strict=True):
            kept.add_views(groups, columns.views(name), rows)

    def _add_narrow(
        self, feed: Feed, plan: KeyPlan, few: FewRows, rows: Counted, worth: Flags
    ) -> None:
        """Count rows that have traits in the dimensions that ask for them."""
        found = plan.rows(few, self._keys)
        if not len(found.places):
            return
        every = few.positions[found.places]
        groups = self._count(feed, found.keys, rows, every)
        sampled = np.flatnonzero(plan.sampled[found.lines] | worth[every])
        self._add_ids(groups[sampled], few.columns, every[sampled])
        self._members.add(groups[found.having], found.members)

    def _clear(self) -> None:
        self._numbers[: len(self._groups)] = 0
        for actions in self._actions.values():
            actions.clear()
        for each in (self._keys, self._groups, self._members, self._requests, self._sessions):
            each.clear()


def _by_minute(minutes: I64) -> I64:
    """Return the groups in order of their minutes, those of one as they came."""
    since = minutes - minutes.min(initial=_FAR)
    # Numbers of 16 bits are sorted by numpy without comparing them, in a sixth of the time.
    near = since.max(initial=0) < _SPAN
    return np.argsort(since.astype(np.int16) if near else since, kind="stable")


def _is_worth_a_look(rows: Counted) -> Flags:
    """Say of which rows ids are kept: errors and masqueraded ones."""
    return (rows.status >= 400) | rows.masqueraded


def _rows(batch: BatchColumns) -> Counted:
    return Counted(batch.plain("time") // MINUTE, *map(batch.plain, _COUNTED))
