"""What ClickHouse holds, read back in the types that stages work in.

Rows come from the views of first copies: the first copy of a row counts, erased ones are gone
(rules 21, 22). Results come from the stores, whoever they are about, because what replaces a
record must have a version above it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import polars as pl
import pyarrow as pa
from clickhouse_connect.driver.client import Client

from pipeline.codecs.event_batch import event_columns
from pipeline.codecs.flat_schema import dtypes
from pipeline.codecs.schemas import Schemas
from pipeline.domain.event_time import MINUTE
from pipeline.domain.feeds import COURSE_AUDIT, LIVE_EVENTS, WEB_LOGS, Feed
from pipeline.domain.topics import ANOMALIES, REQUEST_STATS, SESSIONS, Topic
from pipeline.domain.topics import COURSE_AUDIT as COURSE_AUDIT_TOPIC
from pipeline.domain.topics import LIVE_EVENTS as LIVE_EVENTS_TOPIC
from pipeline.domain.topics import WEB_LOGS as WEB_LOGS_TOPIC
from pipeline.sink.client import our_errors
from pipeline.sink.columns import OFFSET
from pipeline.sink.erasing import PERSON, REQUEST
from pipeline.sink.queries import query
from pipeline.sink.selections import LATE_ROWS, Selection

SLICE_ROWS: Final = 250_000
"""Rows that are read at once, unless one minute has more: bounds memory, about 400 bytes a row."""


_OF_UUID: Final = "lower(hex(id))"


class Source(NamedTuple):
    """Where a feed's rows are, and which columns are their event time and their event key."""

    topic: Topic
    view: str
    time: str
    key: str


SOURCES: Final[dict[Feed, Source]] = {
    WEB_LOGS: Source(WEB_LOGS_TOPIC, "web_logs_first", "`timestamp`", _OF_UUID),
    LIVE_EVENTS: Source(LIVE_EVENTS_TOPIC, "live_events_first", "event_time", "event_key"),
    COURSE_AUDIT: Source(COURSE_AUDIT_TOPIC, "course_audit_first", "created_at", _OF_UUID),
}

_MICROS: Final = "fromUnixTimestamp64Micro({%s:Int64}, 'UTC')"
_START: Final = _MICROS % "start"
_END: Final = _MICROS % "end"


class Erasures(NamedTuple):
    """How many requests and people are to be forgotten."""

    requests: int
    people: int


class Recorded:
    """Reads one database; every method raises Unavailable and OurMistake.

    Times are microseconds; ranges are [start, end).
    """

    def __init__(self, client: Client, schemas: Schemas) -> None:
        self._client = client
        self._schemas = schemas

    def slices(
        self, feeds: Sequence[Feed], start: int, end: int, selection: Selection
    ) -> list[int]:
        """Return the ends of slices that hold at most SLICE_ROWS rows each, the last is ``end``."""
        counts: dict[int, int] = {}
        for feed in feeds:
            source = SOURCES[feed]
            found = query(
                self._client,
                f"SELECT intDiv(toUnixTimestamp64Micro({source.time}), {MINUTE}) AS m, count()"  # noqa: S608 - ours
                f" FROM {_rows(feed, selection)} GROUP BY m",
                _parameters(selection, start, end),
            )
            for minute, count in found.rows:
                counts[int(minute)] = counts.get(int(minute), 0) + int(count)
        return _packed(sorted(counts.items()), end)

    def rows(self, feed: Feed, start: int, end: int, selection: Selection) -> pl.DataFrame:
        """Return rows of a feed: the columns an event batch is made from, and ``_offset``."""
        source = SOURCES[feed]
        columns = event_columns(feed)
        extra = f", toInt64(r.{OFFSET}) AS {OFFSET}"
        statement = f"SELECT {self._select(source.topic, columns)}{extra} FROM {_rows(feed, selection)} AS r"  # noqa: S608, E501 - ours
        frame = self._frame(statement, _parameters(selection, start, end))
        return frame.cast(self._types(source.topic, columns)).cast({OFFSET: pl.Int64()})

    def sessions(self, start: int, end: int, selection: Selection) -> pl.DataFrame:
        """Return the latest records of sessions that start in the range, but withdrawn ones."""
        condition = f"start >= {_START} AND start < {_END} AND {selection.sessions}"
        return self._latest(SESSIONS, "sessions", condition, _parameters(selection, start, end))

    def stats(self, start: int, end: int, selection: Selection) -> pl.DataFrame:
        """Return the latest statistics of minutes in the range, folded ones too."""
        condition = f"`minute` >= {_START} AND `minute` < {_END} AND {selection.stats}"
        return self._latest(
            REQUEST_STATS, "request_stats", condition, _parameters(selection, start, end)
        )

    def anomalies(self, start: int, end: int) -> pl.DataFrame:
        """Return the latest records of anomalies whose window meets the range."""
        condition = f"window_end >= {_START} AND window_start < {_END}"
        return self._latest(ANOMALIES, "anomalies", condition, {"start": start, "end": end})

    def times_of_late_rows(self, since: int) -> list[int]:
        """Return the hours that hold late rows published at or after ``since``."""
        statement = (
            "SELECT DISTINCT intDiv(toUnixTimestamp64Micro(at), 3600000000) * 3600000000"  # noqa: S608 - ours
            f" FROM ({LATE_ROWS})"
        )
        return sorted(int(row[0]) for row in query(self._client, statement, {"since": since}).rows)

    def times_of_session(self, session_id: str) -> list[int]:
        """Return the hours that hold rows of a session id."""
        hours: set[int] = set()
        for source in SOURCES.values():
            statement = (
                f"SELECT DISTINCT intDiv(toUnixTimestamp64Micro({source.time}), 3600000000)"  # noqa: S608 - ours
                f" FROM {source.view} WHERE session_id = {{session:String}}"
            )
            found = query(self._client, statement, {"session": session_id})
            hours |= {int(row[0]) * 60 * MINUTE for row in found.rows}
        return sorted(hours)

    def erasures(self) -> Erasures:
        """Return how many erasures were ordered."""
        statement = "SELECT kind, count() FROM erasures GROUP BY kind"
        counts = {str(kind): int(count) for kind, count in query(self._client, statement).rows}
        return Erasures(counts.get(REQUEST, 0), counts.get(PERSON, 0))

    def _latest(
        self, topic: Topic, name: str, condition: str, parameters: Mapping[str, Any]
    ) -> pl.DataFrame:
        columns = tuple(dtypes(self._schemas.named(topic.schema)))
        statement = (
            f"SELECT {self._select(topic, columns)}"  # noqa: S608 - ours
            f" FROM (SELECT * FROM {name}_store FINAL WHERE {condition}) AS r"
        )
        frame = self._frame(statement, parameters)
        return frame.cast(self._types(topic, columns))

    def _select(self, topic: Topic, columns: Iterable[str]) -> str:
        fields = {f["name"]: str(f["type"]) for f in self._schemas.named(topic.schema)["fields"]}
        return ", ".join(f"{_plain(name, fields[name])} AS `{name}`" for name in columns)

    def _types(self, topic: Topic, columns: Iterable[str]) -> pl.Schema:
        types = dtypes(self._schemas.named(topic.schema))
        return pl.Schema({name: types[name] for name in columns})

    def _frame(self, statement: str, parameters: Mapping[str, Any]) -> pl.DataFrame:
        with our_errors("reading what is stored"):
            table: pa.Table = self._client.query_arrow(statement, parameters=dict(parameters))
        return pl.DataFrame(table)


def _plain(name: str, kind: str) -> str:
    """Return the expression that gives a column as our codecs hold it."""
    if "timestamp-micros" in kind:
        return f"toUnixTimestamp64Micro(r.`{name}`)"
    return f"toString(r.`{name}`)" if "uuid" in kind else f"r.`{name}`"


def _rows(feed: Feed, selection: Selection) -> str:
    source = SOURCES[feed]
    condition = selection.rows.replace("<time>", source.time).replace("<feed>", feed)
    misdated = (
        "SELECT event_key FROM late_rows WHERE reason = 'time'"  # noqa: S608 - ours
        f" AND feed = '{feed}' AND event_time >= {_START} AND event_time < {_END}"
    )
    return (
        f"(SELECT * FROM {source.view}"  # noqa: S608 - ours
        f" WHERE {source.time} >= {_START} AND {source.time} < {_END}"
        f" AND ({condition}) AND {source.key} NOT IN ({misdated}))"
    )


def _parameters(selection: Selection, start: int, end: int) -> dict[str, Any]:
    return {**selection.parameters, "start": start, "end": end}


def _packed(counts: Sequence[tuple[int, int]], end: int) -> list[int]:
    ends: list[int] = []
    held = 0
    for minute, count in counts:
        if held and held + count > SLICE_ROWS:
            ends.append(minute * MINUTE)
            held = 0
        held += count
    return [*ends, end]
