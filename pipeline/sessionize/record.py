"""Sessions as records: where the fields of ``schemas/avro/session.avsc`` lie, in its order."""

from typing import Final, NamedTuple

import numpy as np

from pipeline.domain.laid_out import Absent, Field, Lane, Layout, Log, Records
from pipeline.sessionize import layout as at
from pipeline.sessionize.arrays import I64, U8, U64
from pipeline.sessionize.hashing import unmix64
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


def _log_of(texts: tuple[str, ...]) -> tuple[I64, U8]:
    ends = np.cumsum([0, *(len(text) for text in texts)])
    return ends, np.frombuffer("".join(texts).encode(), np.uint8)


_STATUS: Final = _log_of(STATUS)

_NUMBERS, _BOUNDS, _HASHES, _VALUES, _TEXTS = range(5)
"""Arrays of records. Of the columns of sessions; of where the members of each set of each session
begin; of members as hashes, as numbers, and as numbers of texts."""
_STATUS_LOG, _PATH_LOG, _MEMBER_LOG = Log(5, 6), Log(7, 8), Log(9, 10)

_STATUS_AT: Final = at.WIDTH
_VERSION: Final = at.WIDTH + 1
_REVISION: Final = at.WIDTH + 2
_CLOSES_AT: Final = at.WIDTH + 3
_DISTINCT: Final = at.WIDTH + 4
"""Lanes behind those of ``layout``; from the last one on there is one for each set."""
_LANES: Final = _DISTINCT + len(at.SETS)


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


def session_records(content: Content, texts: Texts, status: I64, version: int, gap: int) -> Records:
    """Return one record per session of the content, laid out as ``LAYOUT`` says.

    ``status`` are places among ``STATUS``. Texts are not copied, and stay what they are.
    """
    own, (bounds, hashes) = content.columns, content.members
    count = own.shape[1]
    numbers = np.empty((_LANES, count), np.int64)
    numbers[: at.WIDTH] = own
    numbers[_STATUS_AT] = status
    numbers[_VERSION] = version
    np.add(own[at.REQUESTS], own[at.EVENTS], out=numbers[_REVISION])
    np.add(own[at.END], gap, out=numbers[_CLOSES_AT])
    sizes = numbers[_DISTINCT:].reshape(-1)
    np.subtract(bounds[1:], bounds[:-1], out=sizes)
    _estimate(own[at.FLAGS], sizes, bounds, hashes)
    arrays = [numbers, bounds, hashes, unmix64(hashes), _text_numbers(content, texts.members)]
    return Records(count, [*arrays, *_STATUS, *texts.paths.memory, *texts.members.memory])


def _text_numbers(content: Content, texts: TextPool) -> I64:
    """Return the numbers of members that are texts, in the places of their hashes."""
    bounds, hashes = content.members
    numbers = np.empty(len(hashes), np.int64)
    count = content.columns.shape[1]
    for number in at.TEXT_SETS:
        own = slice(bounds[number * count], bounds[(number + 1) * count])
        numbers[own] = texts.numbers(hashes[own])
    return numbers


def _estimate(flags: I64, sizes: I64, bounds: I64, hashes: U64) -> None:
    """Say of capped sets how many members they had: k - 1 over the k-th smallest hash's rank.

    Source: Bar-Yossef et al., "Counting distinct elements in a data stream" (2002), with the
    unbiased k - 1 of Beyer et al. (2007).
    """
    if not (flags & _ANY_CAPPED).any():
        return
    capped = [(flags & (at.CAPPED << number)) != 0 for number in range(len(at.SETS))]
    which = np.flatnonzero(np.concatenate(capped))
    share = (hashes[bounds[1:][which] - 1].astype(np.float64) + 1.0) / 2.0**64
    estimate = np.rint((at.CAP - 1) / share).astype(np.int64)
    sizes[which] = np.maximum(estimate, at.CAP + 1)


_ANY_CAPPED: Final = sum(at.CAPPED << number for number in range(len(at.SETS)))


def _long(lane: int) -> Field:
    return Field("long", Lane(_NUMBERS, lane))


def _flag(mask: int) -> Field:
    return Field("boolean", Lane(_NUMBERS, at.FLAGS), mask=mask)


def _optional(lane: int) -> Field:
    return _long(lane)._replace(absent=_absent(lane))


def _absent(lane: int, number: int | None = None) -> Absent:
    return Absent(Lane(_NUMBERS, lane), int(at.NEUTRAL[lane]) if number is None else number)


def _key(column: int) -> Field:
    """Return the event key behind a time; its halves are kept in order (``layout.ordered``)."""
    halves = Lane(_NUMBERS, column + 1), Lane(_NUMBERS, column + 2)
    return Field("hex", *halves, mask=at.NONE, absent=_absent(column))


def _path(name: str, column: int) -> Layout:
    path = Field("text", Lane(_NUMBERS, column + 3), log=_PATH_LOG)
    return {
        f"{name}_path": path._replace(absent=_absent(column + 3, at.NO_TEXT)),
        f"{name}_at": _optional(column),
        f"{name}_key": _key(column),
    }


def _set(number: int, name: str) -> Layout:
    """Return members, number and capped flag of a set; members in order of their hash."""
    begin = Lane(_BOUNDS, number)
    members = Field("longs", begin, Lane(_HASHES if number == at.USER_AGENTS else _VALUES))
    if number in at.TEXT_SETS:
        members = Field("texts", begin, Lane(_TEXTS), log=_MEMBER_LOG)
    return {
        name: members,
        f"{name}_distinct": _long(_DISTINCT + number),
        f"{name}_capped": _flag(at.CAPPED << number),
    }


def _layout() -> Layout:
    fields: dict[str, Field] = {
        "session_id": Field("hex", Lane(_NUMBERS, at.ID_HIGH), Lane(_NUMBERS, at.ID_LOW)),
        "start": _long(at.START),
        "end": _long(at.END),
        "status": Field("text", Lane(_NUMBERS, _STATUS_AT), log=_STATUS_LOG),
        "version": _long(_VERSION),
        "revision": _long(_REVISION),
        "continued": _flag(at.CONTINUED),
        "closes_at": _long(_CLOSES_AT),
        **{name: _long(lane) for name, lane in COUNTS},
        "actor": _long(at.ACTOR)._replace(absent=_absent(at.ACTOR_AT)),
        "actor_at": _optional(at.ACTOR_AT),
        "actor_key": _key(at.ACTOR_AT),
        **_path("entry", at.ENTRY_AT),
        **_path("exit", at.EXIT_AT),
    }
    for number, name in enumerate(at.SETS):
        fields |= _set(number, name)
    return {**fields, **{name: _optional(lane) for name, lane in OPTIONAL}}


LAYOUT: Final = _layout()
"""Where the fields of a session's record lie; sessions of one ``take_records`` are its rows."""
