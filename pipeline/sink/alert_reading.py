"""What is asked of ClickHouse about alerts and the statistics behind them.

Times are microseconds; ranges are [start, end).
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import polars as pl
from clickhouse_connect.driver.client import Client

from pipeline.codecs.schemas import Schemas
from pipeline.domain.event_time import MINUTE
from pipeline.domain.feeds import COURSE_AUDIT, LIVE_EVENTS, WEB_LOGS
from pipeline.sink.queries import Rows, query
from pipeline.sink.recorded import Recorded
from pipeline.sink.selections import Selection


class _Samples(NamedTuple):
    """Where a feed's rows are, and what a reader is shown of them."""

    view: str
    time: str
    request: str
    what: str


_SAMPLES: Final = {
    WEB_LOGS: _Samples(
        "web_logs",
        "`timestamp`",
        "toString(id)",
        "user_id, real_user_id, http_status, http_method, url",
    ),
    LIVE_EVENTS: _Samples(
        "live_events",
        "event_time",
        "toString(request_id)",
        "user_id, real_user_id, event_name, http_method, url",
    ),
    COURSE_AUDIT: _Samples(
        "course_audit",
        "created_at",
        "page_view_id",
        "user_id, event_type, event_source, course_id, event_data",
    ),
}

_MICROS: Final = "fromUnixTimestamp64Micro({%s:Int64}, 'UTC')"
_WITHIN: Final = f">= {_MICROS % 'start'} AND %s < {_MICROS % 'end'}"


class AlertCount(NamedTuple):
    """Alerts of one rule: all that were not withdrawn, those still open, withdrawn ones.

    ``last``: start of the newest, microseconds.
    """

    rule: str
    alerts: int
    open: int
    withdrawn: int
    last: int


class AlertReader:
    """Reads one database; every method raises Unavailable and OurMistake."""

    def __init__(self, client: Client, schemas: Schemas) -> None:
        self._client = client
        self._recorded = Recorded(client, schemas)

    def final_minutes(self) -> tuple[int, int] | None:
        """Return the range of the minutes that are final; None if none is."""
        [(count, first, last)] = query(
            self._client,
            "SELECT count(), toUnixTimestamp64Micro(min(minute)),"
            " toUnixTimestamp64Micro(max(minute)) FROM request_stats_store WHERE status = 'final'",
        ).rows
        return (int(first), int(last) + MINUTE) if count else None

    def final_stats(self, start: int, end: int, dimensions: Sequence[str]) -> pl.DataFrame:
        """Return the final statistics of some dimensions (RequestStat columns)."""
        condition = "dimension IN {dimensions:Array(String)} AND status = 'final'"
        chosen = Selection(stats=condition, parameters={"dimensions": list(dimensions)})
        return self._recorded.stats(start, end, chosen)

    def alerts(self, start: int, end: int) -> list[dict[str, Any]]:
        """Return the latest records of alerts whose window meets a range, withdrawn ones too."""
        return self._recorded.anomalies(start, end).to_dicts()

    def alert_counts(self, since: int) -> list[AlertCount]:
        """Return the alerts of every rule whose window ends at or after ``since``."""
        found = query(
            self._client,
            "SELECT rule, countIf(status != 'retracted'),"  # noqa: S608 - ours
            " countIf(status != 'retracted' AND resolved_at IS NULL),"
            " countIf(status = 'retracted'), toUnixTimestamp64Micro(max(window_start))"
            " FROM (SELECT * FROM anomalies_store FINAL)"
            f" WHERE window_end >= {_MICROS % 'since'} GROUP BY rule ORDER BY rule",
            {"since": since},
        )
        return [AlertCount(str(rule), *map(int, counts)) for rule, *counts in found.rows]

    def named(self, beginning: str) -> list[dict[str, Any]]:
        """Return the alerts whose episode id begins so, newest first, five at most."""
        places = query(
            self._client,
            "SELECT episode, toUnixTimestamp64Micro(window_start),"
            " toUnixTimestamp64Micro(window_end) FROM (SELECT * FROM anomalies_store FINAL)"
            " WHERE startsWith(episode, {beginning:String}) ORDER BY window_start DESC LIMIT 5",
            {"beginning": beginning},
        ).rows
        return [
            record
            for episode, start, end in places
            for record in self.alerts(int(start), int(end) + 1)
            if record["episode"] == episode
        ]

    def sums(
        self, record: dict[str, Any], column: str, back: Sequence[int]
    ) -> list[tuple[int, int] | None]:
        """Return the rows and the sum of a count in an alert's window moved back by each length.

        The feed with more counts; None where no minute of the key is stored.
        """
        start, end = record["window_start"], record["window_end"]
        return [self._sums(record, column, start - each, end - each) for each in back]

    def _sums(
        self, record: dict[str, Any], column: str, start: int, end: int
    ) -> tuple[int, int] | None:
        found = query(
            self._client,
            f"SELECT sum(`rows`), sum(`{column}`) AS most FROM request_stats"  # noqa: S608 - ours
            " WHERE dimension = {dimension:String} AND `key` = {key:String}"
            f" AND `minute` {_WITHIN % '`minute`'} GROUP BY feed ORDER BY most DESC LIMIT 1",
            {
                "dimension": record["dimension"],
                "key": record["key"],
                "start": start,
                "end": end,
            },
        ).rows
        return (int(found[0][0]), int(found[0][1])) if found else None

    def samples(self, record: dict[str, Any]) -> dict[str, Rows]:
        """Return the rows of an alert's sample requests, by feed that has any."""
        values = {
            "ids": list(record["sample_request_ids"]),
            "start": record["window_start"],
            "end": record["window_end"],
        }
        found = {}
        for feed, (view, time, request, what) in _SAMPLES.items():
            statement = (
                f"SELECT {time} AS time, {request} AS request, {what} FROM {view}"  # noqa: S608 - ours
                f" WHERE {time} {_WITHIN % time} AND {request} IN {{ids:Array(String)}}"
                " ORDER BY time LIMIT 20"
            )
            found[feed] = query(self._client, statement, values)
        return {feed: rows for feed, rows in found.items() if rows.rows}
