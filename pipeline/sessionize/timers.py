"""When sessions close and become final (semantics rules 10, 14, 15).

A slot stands in one of two wheels: until it closes in that of closing, afterwards in that of
becoming final. Rows only ever put its times off, so its place is corrected when it comes up
and not with every row; only a logout brings the closing forward, and then it is put in again
and the older entry, which no longer matches the slot's ``TIMER``, is passed over.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np

from pipeline.domain.event_time import MICROS, EventTimeRules
from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS, Feed
from pipeline.sessionize import layout as at
from pipeline.sessionize.arrays import I64, Flags
from pipeline.sessionize.store import Store
from pipeline.sessionize.time_wheel import TimeWheel

_BUCKET: Final = 10 * MICROS
_CLOSING: Final = 0
_ENDING: Final = 1
_LONG_AGO: Final = np.iinfo(np.int64).min // 2


class Timers:
    """Judges sessions by the watermarks and marks as changed those whose status moved."""

    def __init__(self, store: Store, rules: EventTimeRules) -> None:
        self._store = store
        self._rules = rules
        self._wheels = (TimeWheel(), TimeWheel())
        self._fastest = _LONG_AGO
        self._slowest = _LONG_AGO

    def closed(self, end: I64, logged_out: I64) -> Flags:
        """Return which sessions the fastest feed has left behind."""
        closed: Flags = self._fastest > self._closing(end, logged_out)
        return closed

    def final(self, end: I64) -> Flags:
        """Return which sessions no row can touch any more that is not late."""
        final: Flags = self._slowest > self._ending(end)
        return final

    def _closing(self, end: I64, logged_out: I64) -> I64:
        times = end + self._rules.gap
        left = np.flatnonzero(logged_out != at.NONE)
        if len(left):
            grace = logged_out[left] + self._rules.logout_grace
            early = np.minimum(grace, times[left])
            times[left] = np.where(end[left] <= grace, early, times[left])
        return times

    def _ending(self, end: I64) -> I64:
        return end + (2 * self._rules.gap + self._rules.allowed_lateness)

    def schedule(self, slots: I64) -> None:
        """Put slots that are new or got rows into the wheels where they are not yet."""
        rows = self._store.rows
        closing = self._closing(rows[slots, at.END], rows[slots, at.LOGGED_OUT])
        timer = rows[slots, at.TIMER]
        phase = (closing < self._fastest).astype(np.int64)
        bucket = closing // _BUCKET
        # In the wheel of becoming final nothing is ever brought forward.
        move = (timer < 0) | (timer & 1 != phase) | ((phase == _CLOSING) & (bucket < timer >> 1))
        self._register(slots[move], phase[move], bucket[move])

    def renumber(self, places: I64) -> None:
        """Follow slots to their new places."""
        for wheel in self._wheels:
            wheel.renumber(places)

    def schedule_closed(self, slots: I64) -> None:
        """Put in slots that were published as closed."""
        self._register(slots, np.full(len(slots), _ENDING), np.zeros(len(slots), np.int64))

    def _register(self, slots: I64, phase: I64, bucket: I64) -> None:
        if not len(slots):
            return
        ending = phase == _ENDING
        end = self._store.rows[slots[ending], at.END]
        bucket[ending] = self._ending(end) // _BUCKET
        self._store.rows[slots, at.TIMER] = bucket * 2 + phase
        self._wheels[_CLOSING].put(bucket[~ending], slots[~ending])
        self._wheels[_ENDING].put(bucket[ending], slots[ending])

    def advance(self, watermarks: Mapping[Feed, int], watermark: int) -> None:
        """Move time on; it never goes back. Only feeds that make up sessions close them."""
        fastest = (watermarks[feed] for feed in (WEB_LOGS, LIVE_EVENTS) if feed in watermarks)
        self._fastest = max(self._fastest, max(fastest, default=_LONG_AGO))
        self._slowest = max(self._slowest, watermark)
        self._fire(_CLOSING, self._fastest)
        self._fire(_ENDING, self._slowest)

    def _fire(self, phase: int, now: int) -> None:
        buckets, entries = self._wheels[phase].due(now // _BUCKET)
        if not len(entries):
            return
        slots = np.unique(entries[self._store.rows[entries, at.TIMER] == buckets * 2 + phase])
        end = self._store.rows[slots, at.END]
        logged_out = self._store.rows[slots, at.LOGGED_OUT]
        if phase == _CLOSING:
            passed = self.closed(end, logged_out)
            self.schedule_closed(slots[passed])
            next_bucket = self._closing(end, logged_out) // _BUCKET
        else:
            passed = self.final(end)
            self._store.rows[slots[passed], at.TIMER] = -1
            next_bucket = self._ending(end) // _BUCKET
        self._store.touch(slots[passed])
        left = slots[~passed]
        self._register(left, np.full(len(left), phase), next_bucket[~passed])
