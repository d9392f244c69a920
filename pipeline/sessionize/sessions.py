"""Sessions from rows: the state of one sessionize task."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from pipeline.domain.errors import OurMistake
from pipeline.domain.event_columns import EventColumns
from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS, Feed
from pipeline.domain.laid_out import Records
from pipeline.sessionize import layout as at
from pipeline.sessionize.activity_day import ActivityDays
from pipeline.sessionize.adding import Adding
from pipeline.sessionize.arrays import EMPTY, I64, Flags, concat
from pipeline.sessionize.chains import Chains, Members
from pipeline.sessionize.column_kernels import note_published
from pipeline.sessionize.member_sets import MemberSets
from pipeline.sessionize.output_ledger import OutputLedger
from pipeline.sessionize.record import (
    CLOSED,
    FINAL,
    LAYOUT,
    OPEN,
    STATUS,
    WITHDRAWN,
    Content,
    Texts,
    session_records,
)
from pipeline.sessionize.restoring import (
    identities,
    identity_hash,
    read_rows,
    read_sets,
)
from pipeline.sessionize.store import Store
from pipeline.sessionize.timers import Timers

NO_LIMIT: Final = 1 << 62

PACK_FROM: Final = 1 << 14
"""Tables of fewer slots, 7 MB, are not worth packing."""
_SPARSE: Final = 8
"""Tables with so many slots a live session are packed; they are grown when all slots are taken."""


class Sessions:
    """The live sessions of one partition (semantics rules 8 to 15).

    Memory is that of live sessions, after a flood too; no step costs more because more are open:
    tables of ``pack_from`` slots or more are packed when few of them are live. Rows may be
    added between ``take`` and ``delivered``; the next ``take`` comes after it.
    """

    def __init__(self, rules: EventTimeRules, *, pack_from: int = PACK_FROM) -> None:
        self._pack_from = pack_from
        self._gap = rules.gap
        self._days = ActivityDays(rules.time_zone, rules.day_start_s)
        self._store = Store()
        self._chains = Chains(self._store)
        self._sets = MemberSets(self._store)
        self._texts = Texts(self._store.paths, self._sets.texts)
        self._adding = Adding(self._store, self._sets, self._chains.index, self._days, rules.gap)
        self._timers = Timers(self._store, rules)
        self._ledger = OutputLedger(self._store)
        self._vanished: list[I64] = []
        self._taken = EMPTY

    @property
    def open(self) -> int:
        """How many sessions are live."""
        return self._store.open

    def add(self, feed: Feed, batch: pl.DataFrame | EventColumns) -> None:
        """Add rows (an ``EventBatch``) of one feed, none late, none twice.

        Those without a session are passed over.
        """
        if feed not in (WEB_LOGS, LIVE_EVENTS):
            raise OurMistake(f"Rows of {feed} belong to no session.")
        for added in self._adding.add(batch, requests=feed == WEB_LOGS):
            self._timers.schedule(added.slots)
            # Freed only when taken, so that no slot can be twice among the changed ones.
            if len(added.vanished):
                self._vanished.append(added.vanished)

    def advance(self, watermarks: Mapping[Feed, int], watermark: int) -> None:
        """Move event time on: of each feed, and of the task (its smallest that is not idle).

        Sessions whose status this changes are pending afterwards (rule 15).
        """
        self._timers.advance(watermarks, watermark)

    def pending(self) -> bool:
        """Whether ``take`` would return anything."""
        return self._store.any_changed or bool(self._vanished)

    def take(self, version: int, limit: int = NO_LIMIT) -> pl.DataFrame:
        """Return ``take_records`` as a frame."""
        return self.take_records(version, limit).frame(LAYOUT)

    def take_records(self, version: int, limit: int = NO_LIMIT) -> Records:
        """Return every identity that changed since the last time, once.

        Above ``limit`` identities those whose status alone changed stay ``pending`` for the next
        time: their published record has all their rows, so nothing is lost if it never comes.
        They are laid out as ``record.LAYOUT`` says. Final sessions leave the state
        with this; a withdrawn record has an identity and otherwise only zeros.
        """
        slots = self._store.take_changed(limit)
        columns = self._store.columns(slots)
        final = self._timers.final(columns[at.END])
        closed = self._timers.closed(columns[at.END], columns[at.LOGGED_OUT])
        status = np.where(final, FINAL, np.where(closed, CLOSED, OPEN))
        content = Content(columns, self._sets.list(slots))
        withdrawn = self._withdrawn(columns)
        if withdrawn.size:
            content = content.with_bare(withdrawn)
            status = np.append(status, np.full(withdrawn.shape[1], WITHDRAWN))
        taken = session_records(content, self._texts, status, version, self._gap)
        # Its record so far is out of date; the one just taken has an offset when delivered.
        note_published(self._store.rows, slots, columns[at.START], version)
        self._drop(slots[final])
        self._taken = np.full(len(status), -1, np.int64)
        self._taken[: len(slots)] = np.where(final, -1, slots)
        if self._store.capacity >= max(self._pack_from, _SPARSE * self._store.open):
            self._pack()
        return taken

    def _pack(self) -> None:
        """Move live sessions together and give back the memory of those that are gone.

        Costs a look at every slot; of these an eighth at least were freed since the last time.
        """
        live = self._store.all_live()
        places = np.full(self._store.capacity, -1, np.int64)
        places[live] = np.arange(len(live))
        found = self._sets.list(live)
        self._ledger.renumber(places)
        self._store.pack(live, places)
        self._sets.refill(found)
        self._chains.index.renumber(places)
        self._timers.renumber(places)
        self._taken = np.where(self._taken >= 0, places[self._taken], -1)

    def _withdrawn(self, changed: I64) -> I64:
        """Return the published identities that are no more, in columns; frees their slots."""
        published = changed[at.PUBLISHED]
        moved = (published != at.NONE) & (published != changed[at.START])
        vanished = concat(self._vanished)
        self._vanished = []
        buried = self._store.columns(vanished)
        self._store.free(vanished)
        known = buried[at.PUBLISHED] != at.NONE
        gone = np.concatenate((changed[:, moved], buried[:, known]), axis=1)
        withdrawn = np.repeat(at.NEUTRAL[:, None], gone.shape[1], axis=1)
        for column in (at.ID_HIGH, at.ID_LOW):
            withdrawn[column] = gone[column]
        withdrawn[at.START] = withdrawn[at.END] = gone[at.PUBLISHED]
        return withdrawn

    def _drop(self, slots: I64) -> None:
        if len(slots):
            self._retire(slots)
            self._store.free(slots)

    def _retire(self, slots: I64) -> None:
        self._store.retire(slots)
        self._chains.remove(slots)
        self._sets.forget(slots)

    def delivered(self, first_offset: int) -> None:
        """Say at which output offset the first row of the last ``take`` lies; the others follow."""
        offsets = first_offset + np.arange(len(self._taken))
        self._ledger.record(offsets, self._taken)
        self._taken = EMPTY

    def oldest_output(self) -> int | None:
        """Return the smallest output offset that a restore needs; None if it needs none.

        Sessions that were taken count as delivered after everything before: what this returns
        may be committed together with them.
        """
        return self._ledger.oldest()

    def republish(self, before: int) -> None:
        """Make pending every live session whose last record lies below that output offset."""
        self._store.touch(self._ledger.before(before))

    def forget(self, people: I64) -> None:
        """Withdraw the live sessions of people, by their ids, and take them out of others' sets.

        What that changes is pending afterwards. Requests of theirs in sessions of others stay
        counted. Costs a look at every live session, if there are people.
        """
        if not len(people):
            return
        live = self._store.all_live()
        rows = self._store.rows
        known = rows[live, at.ACTOR_AT] != at.NEVER
        theirs = live[known & np.isin(rows[live, at.ACTOR], people)]
        self._retire(theirs)
        if len(theirs):
            self._vanished.append(theirs)
        self._store.touch(self._sets.drop_people(self._store.all_live(), people))

    def restore(self, frame: pl.DataFrame) -> None:
        """Read back published records: ``session.avsc`` columns and ``_offset``, oldest first.

        May be called any number of times before the first row. The highest version of an
        identity counts, the later of two equal ones. Watermarks are the caller's to bring back,
        by ``advance``. Raises ``OurMistake`` if an identifier is not 32 hex digits.
        """
        frame = _latest(frame)
        if not frame.height:
            return
        known = identities(frame)
        heads = self._chains.heads(known.ids)
        former = self._matching(known.hashes, self._chains.members(heads))
        versions = frame["version"].to_numpy()
        held = np.flatnonzero(former >= 0)
        newer = np.ones(frame.height, np.bool_)
        newer[held] = self._store.rows[former[held], at.VERSION] <= versions[held]
        self._drop(former[held[newer[held]]])
        self._create(frame.filter(pl.Series(newer & _is_live(frame))))

    def _matching(self, wanted: np.ndarray, members: Members) -> I64:
        """Return the slot of each identity, among the slots of its id; -1 if there is none."""
        rows = self._store.rows[members.slots]
        found = identity_hash(rows[:, at.ID_HASH].view(np.uint64), rows[:, at.START])
        result = np.full(len(wanted), -1, np.int64)
        same = found == wanted[members.owners]
        result[members.owners[same]] = members.slots[same]
        return result

    def _create(self, frame: pl.DataFrame) -> None:
        if not frame.height:
            return
        known = identities(frame)
        slots = self._store.create(read_rows(frame, known, self._days, self._store.paths))
        for number, owners, hashes, texts, rows in read_sets(frame):
            self._sets.load(slots[owners], number, hashes, texts, rows)
        self._link(slots)
        closed = (frame["status"] == STATUS[CLOSED]).to_numpy()
        self._timers.schedule_closed(slots[closed])
        self._timers.schedule(slots[~closed])
        self._ledger.record(frame["_offset"].to_numpy(), slots)

    def _link(self, slots: I64) -> None:
        ids, owners = np.unique(
            self._store.rows[slots, at.ID_HASH].view(np.uint64), return_inverse=True
        )
        heads = self._chains.heads(ids)
        former = self._chains.members(heads)
        all_owners = np.concatenate((former.owners, owners))
        all_slots = np.concatenate((former.slots, slots))
        order = np.lexsort((-self._store.rows[all_slots, at.START], all_owners))
        self._chains.relink(ids, heads >= 0, Members(all_owners[order], all_slots[order]))


def _latest(frame: pl.DataFrame) -> pl.DataFrame:
    """Keep the record of each identity that counts, in order of offset."""
    return (
        frame.sort("version", maintain_order=True)
        .unique(["session_id", "start"], keep="last")
        .sort("_offset")
    )


def _is_live(frame: pl.DataFrame) -> Flags:
    return frame["status"].is_in([STATUS[OPEN], STATUS[CLOSED]]).to_numpy()
