"""Sessions as records: the columns of ``schemas/avro/session.avsc``, in its order."""

from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.sessionize import layout as at
from pipeline.sessionize.arrays import I64, U64, Flags
from pipeline.sessionize.arrow_columns import lists_of, longs_of
from pipeline.sessionize.hashing import unmix64
from pipeline.sessionize.hex128 import to_hex
from pipeline.sessionize.member_sets import Found
from pipeline.sessionize.text_log import TextLog
from pipeline.sessionize.text_pool import TextPool

COUNTS: Final = (
    ("requests", at.REQUESTS),
    ("events", at.EVENTS),
    ("pages", at.PAGES),
    ("writes", at.WRITES),
    ("participations", at.PARTICIPATIONS),
    ("status_1xx", at.STATUS_1XX),
    ("status_2xx", at.STATUS_1XX + 1),
    ("status_3xx", at.STATUS_1XX + 2),
    ("status_4xx", at.STATUS_1XX + 3),
    ("status_5xx", at.STATUS_1XX + 4),
    ("status_other", at.STATUS_OTHER),
    ("errors", at.ERRORS),
    ("duration_sum", at.DURATION_SUM),
    ("duration_max", at.DURATION_MAX),
    ("masqueraded_requests", at.MASQUERADED_REQUESTS),
    ("masqueraded_events", at.MASQUERADED_EVENTS),
)
OPTIONAL: Final = (
    ("logged_in_at", at.LOGGED_IN),
    ("logged_out_at", at.LOGGED_OUT),
    ("web_logs_first_offset", at.WEB_FIRST),
    ("web_logs_last_offset", at.WEB_LAST),
    ("live_events_first_offset", at.LIVE_FIRST),
    ("live_events_last_offset", at.LIVE_LAST),
)


STATUS: Final = ("open", "closed", "final", "withdrawn")
OPEN, CLOSED, FINAL, WITHDRAWN = range(4)
"""Places among ``STATUS``."""


def _log_of(texts: tuple[str, ...]) -> TextLog:
    log = TextLog()
    log.append(pa.array(texts, pa.large_string()))
    return log


_STATUS: Final = _log_of(STATUS)


class Content(NamedTuple):
    """What sessions are made of: numbers, column after column, and the members of their sets."""

    columns: I64
    members: Found

    def with_bare(self, columns: I64) -> "Content":
        """Return it with more sessions behind, which have no members."""
        bounds, hashes = self.members
        count, more = self.columns.shape[1], columns.shape[1]
        places = np.arange(len(at.SETS))[:, None] * count + np.arange(count + more).clip(max=count)
        bounds = np.append(bounds[places.reshape(-1)], bounds[-1])
        return Content(np.concatenate((self.columns, columns), axis=1), Found(bounds, hashes))


class Texts(NamedTuple):
    """Where the texts are: paths by number, members by hash."""

    paths: TextLog
    members: TextPool


Columns = dict[str, Any]
"""Columns by name: numbers and flags without nulls, pairs of numbers and which of them are there
(None: all), or Arrow arrays. Frames of polars are not made of them before somebody asks for one:
making one and taking it apart again costs a small commit more than all its sessions."""


def session_columns(content: Content, texts: Texts, status: I64, version: int, gap: int) -> Columns:
    """Return one record per session of the content; ``status`` are places among ``STATUS``."""
    own = content.columns
    count = own.shape[1]
    high, low = own[at.ID_HIGH].view(np.uint64), own[at.ID_LOW].view(np.uint64)
    columns: Columns = {
        "session_id": to_hex(high, low),
        "start": own[at.START],
        "end": own[at.END],
        "status": _STATUS.read(status),
        "version": np.full(count, version, np.int64),
        "revision": own[at.REQUESTS] + own[at.EVENTS],
        "continued": (own[at.FLAGS] & at.CONTINUED) != 0,
        "closes_at": own[at.END] + gap,
    }
    columns |= {name: own[column] for name, column in COUNTS}
    columns |= _actor(own)
    columns |= _path(own, "entry", at.ENTRY_AT, texts.paths)
    columns |= _path(own, "exit", at.EXIT_AT, texts.paths)
    columns |= _sets(own, content.members, texts.members)
    columns |= {name: _optional(own, column) for name, column in OPTIONAL}
    return columns


def as_frame(columns: Columns) -> pl.DataFrame:
    """Return columns as a frame."""
    return pl.DataFrame(pa.table({name: _array(column) for name, column in columns.items()}))


def _array(column: Any) -> Any:
    if not isinstance(column, tuple):
        return column
    values, valid = column
    return pa.array(values, mask=None if valid is None else ~valid)


def _optional(own: I64, column: int) -> tuple[I64, Flags]:
    values = own[column]
    return values, values != at.NEUTRAL[column]


def _actor(own: I64) -> Columns:
    return {
        "actor": (own[at.ACTOR], own[at.ACTOR_AT] != at.NEVER),
        "actor_at": _optional(own, at.ACTOR_AT),
        "actor_key": _key(own, at.ACTOR_AT),
    }


def _path(own: I64, name: str, column: int, paths: TextLog) -> Columns:
    return {
        f"{name}_path": paths.read(own[column + 3]),
        f"{name}_at": _optional(own, column),
        f"{name}_key": _key(own, column),
    }


def _key(own: I64, column: int) -> Any:
    high, low = at.unordered(own[column + 1]), at.unordered(own[column + 2])
    return to_hex(high, low, own[column] != at.NEUTRAL[column])


def _sets(own: I64, members: Found, texts: TextPool) -> Columns:
    """Return members, number and capped flag of each set; members in order of their hash."""
    count, hashes = own.shape[1], members.hashes
    columns: Columns = {}
    for number, name in enumerate(at.SETS):
        bounds = members.bounds[number * count : (number + 1) * count + 1]
        values = _values(number, hashes[bounds[0] : bounds[-1]], texts)
        lists = lists_of(bounds - bounds[0], values)
        capped = (own[at.FLAGS] & (at.CAPPED << number)) != 0
        columns[name] = lists
        columns[f"{name}_distinct"] = _distinct(np.diff(bounds), capped, hashes, bounds)
        columns[f"{name}_capped"] = capped
    return columns


def _values(number: int, hashes: U64, texts: TextPool) -> Any:
    if number in at.TEXT_SETS:
        return texts.find(hashes)
    values = hashes if number == at.USER_AGENTS else unmix64(hashes)
    return longs_of(values.view(np.int64))


def _distinct(sizes: I64, capped: Flags, hashes: U64, bounds: I64) -> I64:
    """Return how many members there were: exact, or k - 1 over the k-th smallest hash's rank.

    Source: Bar-Yossef et al., "Counting distinct elements in a data stream" (2002), with the
    unbiased k - 1 of Beyer et al. (2007).
    """
    which = np.flatnonzero(capped)
    if not len(which):
        return sizes
    share = (hashes[bounds[1:][which] - 1].astype(np.float64) + 1.0) / 2.0**64
    estimate = np.rint((at.CAP - 1) / share).astype(np.int64)
    result = sizes.copy()
    result[which] = np.maximum(estimate, at.CAP + 1)
    return result
