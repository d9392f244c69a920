"""A batch's rows cut into segments: the sessions they would be if nothing else existed."""

from typing import Final, NamedTuple

import numpy as np
import polars as pl

from pipeline.domain.feeds import WEB_LOGS, Feed
from pipeline.sessionize import layout as at
from pipeline.sessionize.activity_day import ActivityDays
from pipeline.sessionize.arrays import I64, U64, Flags
from pipeline.sessionize.arrow_columns import numbers, validity
from pipeline.sessionize.hashing import pair_hash
from pipeline.sessionize.sorting import row_order

MAX_ROWS: Final = 1 << 18
"""Rows cut at once: three counters share a number, 21 bits each."""

_BITS: Final = 21
_FIELD: Final = (1 << _BITS) - 1


class Segments(NamedTuple):
    """Segments in order of (id hash, start).

    ``rows`` is a matrix of ``layout``, paths standing as rows of the batch; ``order`` are the
    batch's rows by segment and ``owner`` the segment of each of these.
    """

    rows: I64
    ids: U64
    order: I64
    owner: I64


def cut(feed: Feed, batch: pl.DataFrame, gap: int, days: ActivityDays) -> Segments:
    """Return the segments of at least one and at most ``MAX_ROWS`` rows, all of one feed."""
    times = batch["time"].to_numpy()
    high, low = batch["session_hi"].to_numpy(), batch["session_lo"].to_numpy()
    key_high, key_low = batch["key_hi"].to_numpy(), batch["key_lo"].to_numpy()
    ids = pair_hash(high, low)
    order = row_order(ids, times, key_high, key_low)
    ids, times = ids[order], times[order]
    day = days.of(times)
    opens = np.ones(len(order), np.bool_)
    opens[1:] = (ids[1:] != ids[:-1]) | (times[1:] - times[:-1] > gap) | (day[1:] != day[:-1])
    first = np.flatnonzero(opens)
    last = np.append(first[1:], len(order)) - 1
    rows = np.empty((len(first), at.WIDTH), np.int64)
    rows[:] = at.NEUTRAL
    rows[:, at.START], rows[:, at.END] = times[first], times[last]
    rows[:, at.DAY], rows[:, at.ID_HASH] = day[first], ids[first].view(np.int64)
    rows[:, at.ID_HIGH] = high[order[first]].view(np.int64)
    rows[:, at.ID_LOW] = low[order[first]].view(np.int64)
    work = _Cut(batch, order, times, first, last, rows, key_high, key_low)
    if feed == WEB_LOGS:
        _requests(work)
    else:
        _events(work)
    _logins(work)
    _actor(work)
    _paths(work)
    return Segments(rows, ids[first], order, np.cumsum(opens) - 1)


class _Cut(NamedTuple):
    batch: pl.DataFrame
    order: I64
    times: I64
    first: I64
    last: I64
    rows: I64
    key_high: U64
    key_low: U64

    def sums(self, values: I64) -> I64:
        result: I64 = np.add.reduceat(values[self.order], self.first)
        return result

    def offsets(self, first_column: int, last_column: int) -> None:
        offsets = self.batch["offset"].to_numpy()[self.order]
        self.rows[:, first_column] = np.minimum.reduceat(offsets, self.first)
        self.rows[:, last_column] = np.maximum.reduceat(offsets, self.first)


def _status_words() -> tuple[I64, I64]:
    """Return what a status adds to two words of counters: classes 1xx to 3xx; 4xx, 5xx, other."""
    low, high = np.zeros(602, np.int64), np.full(602, 1 << 2 * _BITS, np.int64)
    for status in range(100, 600):
        place = status // 100 - 1
        low[status + 1] = 1 << place * _BITS if place < 3 else 0
        high[status + 1] = 1 << (place - 3) * _BITS if place >= 3 else 0
    return low, high


_LOW_CLASSES, _HIGH_CLASSES = _status_words()


def _requests(work: _Cut) -> None:
    batch, rows = work.batch, work.rows
    status = batch["status"].to_numpy()
    # Places 0 and 601 stand for everything below 100 and from 600 on that is no class.
    place = np.clip(status, -1, 600) + 1
    marks = _integers(batch["page"])
    marks |= _integers(batch["write"]) << _BITS
    marks |= _integers(batch["participated"]) << 2 * _BITS
    others = (status >= 400).astype(np.int64)
    others |= _integers(batch["masqueraded"]) << _BITS
    words = [work.sums(word) for word in (_LOW_CLASSES[place], _HIGH_CLASSES[place], marks, others)]
    rows[:, at.REQUESTS] = work.last - work.first + 1
    for i, column in enumerate(range(at.STATUS_1XX, at.STATUS_OTHER + 1)):
        rows[:, column] = (words[i // 3] >> (i % 3) * _BITS) & _FIELD
    for i, column in enumerate((at.PAGES, at.WRITES, at.PARTICIPATIONS)):
        rows[:, column] = (words[2] >> i * _BITS) & _FIELD
    rows[:, at.ERRORS] = words[3] & _FIELD
    rows[:, at.MASQUERADED_REQUESTS] = words[3] >> _BITS
    duration = batch["duration"].to_numpy()[work.order]
    rows[:, at.DURATION_SUM] = np.add.reduceat(duration, work.first)
    rows[:, at.DURATION_MAX] = np.maximum.reduceat(duration, work.first)
    work.offsets(at.WEB_FIRST, at.WEB_LAST)


def _events(work: _Cut) -> None:
    work.rows[:, at.EVENTS] = work.last - work.first + 1
    if work.batch["masqueraded"].any():
        work.rows[:, at.MASQUERADED_EVENTS] = work.sums(_integers(work.batch["masqueraded"]))
    work.offsets(at.LIVE_FIRST, at.LIVE_LAST)


def _integers(column: pl.Series) -> I64:
    return column.to_numpy().astype(np.int64)


def _logins(work: _Cut) -> None:
    login = work.batch["login"].to_numpy()
    if not login.any():
        return
    login = login[work.order]
    logged_in = np.where(login == 1, work.times, at.NEVER)
    logged_out = np.where(login == 2, work.times, at.NONE)
    work.rows[:, at.LOGGED_IN] = np.minimum.reduceat(logged_in, work.first)
    work.rows[:, at.LOGGED_OUT] = np.maximum.reduceat(logged_out, work.first)


def _actor(work: _Cut) -> None:
    actor, valid = numbers(work.batch["actor"])
    found, place = _earliest(work, valid)
    work.rows[found, at.ACTOR] = actor[work.order[place]]
    _tie(work, at.ACTOR_AT, found, place)


def _paths(work: _Cut) -> None:
    path = work.batch["path"]
    valid = validity(path.to_arrow()) if path.null_count() else None
    for column, pick in ((at.ENTRY_AT, _earliest), (at.EXIT_AT, _latest)):
        found, place = pick(work, valid)
        _tie(work, column, found, place)
        work.rows[found, column + 3] = at.text_of_row(work.order[place])


def _tie(work: _Cut, column: int, found: I64, place: I64) -> None:
    rows = work.order[place]
    work.rows[found, column] = work.times[place]
    work.rows[found, column + 1] = at.ordered(work.key_high[rows])
    work.rows[found, column + 2] = at.ordered(work.key_low[rows])


def _earliest(work: _Cut, valid: Flags | None) -> tuple[I64, I64]:
    """Return the segments that have a value, and the place in order of their earliest one."""
    if valid is None:
        return np.arange(len(work.first)), work.first
    place = np.arange(len(work.order))
    place[~valid[work.order]] = len(place)
    place = np.minimum.reduceat(place, work.first)
    found = np.flatnonzero(place < len(work.order))
    return found, place[found]


def _latest(work: _Cut, valid: Flags | None) -> tuple[I64, I64]:
    if valid is None:
        return np.arange(len(work.first)), work.last
    place = np.arange(len(work.order))
    place[~valid[work.order]] = -1
    place = np.maximum.reduceat(place, work.first)
    found = np.flatnonzero(place >= 0)
    return found, place[found]
