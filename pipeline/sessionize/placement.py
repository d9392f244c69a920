"""Gives every segment its session: a new one, a longer one, or one made of several."""

from typing import Final, NamedTuple

import numpy as np

from pipeline.sessionize import layout as at
from pipeline.sessionize.arrays import EMPTY, I64, U64, Flags
from pipeline.sessionize.chains import Chains, Members
from pipeline.sessionize.intervals import Groups, group
from pipeline.sessionize.merging import merge, reduce_groups
from pipeline.sessionize.segments import Segments
from pipeline.sessionize.store import Store

_STEP: Final = 1024
"""Segments joined at once: their rows and those of their sessions fit into a core's cache."""


class Placed(NamedTuple):
    """The slot of each segment; the slots that vanished, and those that hold them now."""

    slots: I64
    vanished: I64
    absorbed_by: I64


class _Touched(NamedTuple):
    """All intervals of the ids with more than one: first their sessions, then the segments."""

    ids: U64
    heads: I64
    owners: I64
    slots: I64
    rows: I64


class Placement:
    """Merges segments into the store and keeps the chains right.

    Nearly every segment is the only one of its id and touches exactly one session, or its id
    has none: two steps over whole arrays. The others go through ``_entangled``, whole arrays too.
    """

    def __init__(self, store: Store, chains: Chains, gap: int) -> None:
        self._store = store
        self._chains = chains
        self._gap = gap

    def place(self, segments: Segments) -> Placed:
        """Merge the segments into sessions; paths and members of sets are the caller's to keep."""
        ids = segments.ids
        heads = self._chains.heads(ids)
        repeated = np.zeros(len(ids), np.bool_)
        repeated[1:] = ids[1:] == ids[:-1]
        repeated[:-1] |= repeated[1:]
        slots = np.full(len(ids), -1, np.int64)
        single = np.flatnonzero((heads >= 0) & ~repeated)
        found = self._find(segments.rows, single, heads[single])
        joined = found >= 0
        slots[single[joined]] = found[joined]
        self._join(segments.rows, single[joined], found[joined])
        new = np.flatnonzero((heads < 0) & ~repeated)
        slots[new] = self._create(segments.rows.take(new, axis=0))
        self._chains.put(ids[new], slots[new])
        rest = np.flatnonzero(slots < 0)
        if not len(rest):
            return Placed(slots, EMPTY, EMPTY)
        return self._entangled(rest, ids, slots, segments.rows)

    def _find(self, segments: I64, which: I64, heads: I64) -> I64:
        """Return the only session that touches each segment; -1 if there is none, or another.

        Another is one that it touches too, or would if a day did not start between them. Chains
        lead from the latest session to the earliest, so nearly every walk is one step long.
        """
        start, end, day = (segments[which, column] for column in (at.START, at.END, at.DAY))
        found = np.full(len(which), -1, np.int64)
        alone = np.ones(len(which), np.bool_)
        todo, slots = np.arange(len(which)), heads
        while len(todo):
            rows = self._store.rows
            last = rows[slots, at.END]
            within = start[todo] - last <= self._gap
            near = within & (rows[slots, at.START] - end[todo] <= self._gap)
            same_day = rows[slots, at.DAY] == day[todo]
            alone[todo[near & (~same_day | (found[todo] >= 0))]] = False
            touching = near & same_day
            found[todo[touching]] = slots[touching]
            following = rows[slots, at.NEXT]
            more = within & (following >= 0)
            todo, slots = todo[more], following[more]
        return np.where(alone, found, -1)

    def _join(self, segments: I64, which: I64, slots: I64) -> None:
        for first in range(0, len(which), _STEP):
            step = slice(first, first + _STEP)
            rows = self._store.rows.take(slots[step], axis=0)
            self._merge(slots[step], rows, segments.take(which[step], axis=0))

    def _merge(self, slots: I64, rows: I64, others: I64) -> None:
        merge(rows, others)
        self._store.rows[slots] = rows
        self._store.touch(slots)

    def _create(self, rows: I64) -> I64:
        slots = self._store.create(rows)
        self._store.touch(slots)
        return slots

    def _entangled(self, which: I64, ids: U64, slots: I64, segments: I64) -> Placed:
        """Place segments of ids with several sessions, several segments, or ones apart."""
        touched = self._touched(which, ids, segments)
        is_session = np.arange(len(touched.rows)) < len(touched.slots)
        groups = group(touched.owners, touched.rows, is_session, self._gap)
        owner = np.repeat(np.arange(len(groups.first)), groups.counts)
        slot = np.append(touched.slots, np.full(len(which), -1))[groups.order]
        old = np.flatnonzero(slot >= 0)
        firsts = np.ones(len(old), np.bool_)
        firsts[1:] = owner[old[1:]] != owner[old[:-1]]
        targets = np.full(len(groups.first), -1, np.int64)
        targets[owner[old[firsts]]] = slot[old[firsts]]
        joining = np.ones(len(slot), np.bool_)
        joining[old[firsts]] = False
        items = touched.rows.take(groups.order[joining], axis=0)
        self._apply(items, owner[joining], targets, groups)
        of_segments = groups.order - len(touched.slots)
        new = of_segments >= 0
        slots[which[of_segments[new]]] = targets[owner[new]]
        vanished = old[~firsts]
        gone, takers = slot[vanished], targets[owner[vanished]]
        self._store.retire(gone)
        owners = touched.owners[groups.order[groups.first]]
        members = Members(owners[::-1], targets[::-1])
        self._chains.relink(touched.ids, touched.heads >= 0, members)
        return Placed(slots, gone, takers)

    def _touched(self, which: I64, ids: U64, segments: I64) -> _Touched:
        own = ids[which]
        opens = np.ones(len(own), np.bool_)
        opens[1:] = own[1:] != own[:-1]
        unique = own[opens]
        heads = self._chains.heads(unique)
        found = self._chains.members(heads)
        owners = np.concatenate((found.owners, np.cumsum(opens) - 1))
        rows = np.concatenate(
            (self._store.rows.take(found.slots, axis=0), segments.take(which, axis=0))
        )
        return _Touched(unique, heads, owners, found.slots, rows)

    def _apply(self, items: I64, owner: I64, targets: I64, groups: Groups) -> None:
        """Merge the items of each group into its target, or make it; fills in ``targets``."""
        opens = np.ones(len(owner), np.bool_)
        opens[1:] = owner[1:] != owner[:-1]
        first = np.flatnonzero(opens)
        if len(first) != len(owner):
            items = reduce_groups(items, first, np.diff(np.append(first, len(owner))))
        number = owner[first]
        known = targets[number] >= 0
        slots = targets[number[known]]
        self._merge(slots, self._store.rows.take(slots, axis=0), items.compress(known, axis=0))
        targets[number[~known]] = self._create(items.compress(~known, axis=0))
        self._mark_continued(targets[groups.continued])

    def _mark_continued(self, slots: I64) -> None:
        """Mark neighbours across the start of a day, whether they got a row or not."""
        flags = self._store.rows[slots, at.FLAGS]
        unmarked: Flags = (flags & at.CONTINUED) == 0
        fresh = slots[unmarked]
        self._store.rows[fresh, at.FLAGS] |= at.CONTINUED
        self._store.touch(fresh)
