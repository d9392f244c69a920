"""What came, what came twice, what never came: seen in ClickHouse."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
import pytest
from clickhouse_connect.driver.client import Client

from pipeline.codecs.completeness import by_hour as hours_of
from pipeline.codecs.completeness import completeness, duplicates, repeated
from pipeline.domain.event_time import HOUR, MICROS, MINUTE
from pipeline.sink.queries import query
from pipeline.sink.tables.completeness import COMPLETENESS
from pipeline.sink.tables.late_rows import LATE_ROWS
from pipeline.sink.tables.live_events import LIVE_EVENTS
from pipeline.sink.tables.table import Table
from pipeline.sink.tables.web_logs import WEB_LOGS
from pipeline.sink.writer import ClickHouseWriter
from tests.support.added_up import added_up
from tests.support.sink_rows import row
from tests.support.sink_tables import fill

pytestmark = pytest.mark.stack

START = int(datetime(2026, 2, 15, tzinfo=UTC).timestamp()) * MICROS
REQUESTS = 20


def request_id(hour: int, number: int) -> str:
    return f"8b6a2f4e-0000-4000-8000-{hour:04d}{number:08d}"


async def put(writer: ClickHouseWriter, table: Table, number: int, **values: object) -> None:
    await fill(writer, table, [row(table.topic.schema, number, **values)])


async def put_hour(writer: ClickHouseWriter, hour: int, events: int) -> None:
    at = START + hour * HOUR
    rows = [
        row(
            "web_log",
            hour * 100 + number,
            id=request_id(hour, number),
            timestamp=at + number,
            web_application_controller="courses",
            web_application_action="show",
            http_method="GET",
            http_status=200,
        )
        for number in range(REQUESTS)
    ]
    await fill(writer, WEB_LOGS, rows)
    seen = [
        row(
            "live_event",
            hour * 100 + number,
            event_key=request_id(hour, number).replace("-", ""),
            event_time=at + number,
            request_id=request_id(hour, number),
        )
        for number in range(events)
    ]
    if seen:
        await fill(writer, LIVE_EVENTS, seen)


async def test_an_hour_in_which_live_events_were_lost_stands_out(
    client: Client, writer: ClickHouseWriter
) -> None:
    for hour, events in enumerate((20, 20, 15, 20, 20, 20, 20, 20, 20, 20)):
        await put_hour(writer, hour, events)
    found = query(client, "SELECT lost, lost_share FROM live_events_loss ORDER BY hour").rows
    assert found == [(0, 0), (0, 0), (5, 0.25)] + [(0, 0)] * 7


COLUMNS = (
    *("read", "published", "deletes", "dead", "repeated", "duplicates", "kept", "late"),
    *("lag_mean_s", "lag_max_s", "gap_minutes", "gap_s", "is_gap"),
)


WEEK = 7 * 24
"""Hours for which a feed that stopped has gaps."""
NEVER_DUE = 100 * 365 * 24 * HOUR
"""A lag that leaves every hour after the last row undecided for as long again."""


def by_hour(
    client: Client, columns: Sequence[str] = COLUMNS, feed: str = "web_logs"
) -> list[tuple[Any, ...]]:
    """Return what the view says of a feed, hour by hour."""
    names = ", ".join(f"`{name}`" for name in columns)
    sql = f"SELECT {names} FROM completeness_by_hour WHERE feed = '{feed}' ORDER BY hour"  # noqa: S608
    return [tuple(one) for one in query(client, sql).rows]


def record(hour: int, number: int, feed: str = "web_logs", **counts: int | None) -> dict[str, Any]:
    """Return a record of an hour; rows have the first of its minutes, and its second one."""
    at = START + hour * HOUR
    none = dict.fromkeys(("read", "published", "deletes", "dead", "repeated", "duplicates"), 0)
    times = {"lag_sum": 0, "lag_max": 0, "minutes": 0, "first_at": None, "last_at": None}
    if counts.get("published"):
        times |= {"minutes": 0b11, "first_at": at, "last_at": at + MINUTE}
    said = {"feed": feed, "start": at, "recorded_at": START + 9 * HOUR + number}
    return row("completeness", number, **said, **{**none, **times, **counts})


async def test_every_hour_says_read_published_dead_duplicates_repeated_lag_and_gaps(
    client: Client, writer: ClickHouseWriter
) -> None:
    """An hour in two transactions, one inserted twice; one without rows; the last, not due yet."""
    for hour in (0, 2, 3):
        await put_hour(writer, hour, 0)
    seconds = {"lag_sum": 150 * MICROS, "lag_max": 5 * MICROS}
    written = [
        record(0, 1, read=20, published=15, dead=2, repeated=3, **seconds),
        record(0, 2, read=10, published=8, deletes=1, dead=1, minutes=0b1010, lag_sum=80 * MICROS),
        record(0, 3, duplicates=3),
        record(2, 4, read=20, published=20),
        record(3, 5, read=20, published=20, lag_sum=20 * NEVER_DUE),
        record(8, 6, read=4, dead=4),
    ]
    for number, each in enumerate(written):
        await fill(writer, COMPLETENESS, [each], number)
    await fill(writer, COMPLETENESS, written[1:2], 1)
    key = request_id(0, 1).replace("-", "")
    await put(writer, LATE_ROWS, 1, feed="web_logs", event_key=key, event_time=START + 1)
    assert by_hour(client) == [
        (30, 23, 1, 3, 3, 3, 20, 1, 10, 5, 57, 0, False),
        (0, 0, 0, 0, 0, 0, 0, 0, None, 0, 60, 0, True),
        (20, 20, 0, 0, 0, 0, 20, 0, 0, 0, 58, 7140, False),
        (20, 20, 0, 0, 0, 0, 20, 0, NEVER_DUE / MICROS, 0, None, 3540, False),
        (4, 0, 0, 4, 0, 0, 0, 0, None, 0, None, 0, False),
    ]


async def test_an_hour_of_before_minutes_were_counted_knows_what_came_of_it_and_no_gaps(
    client: Client, writer: ClickHouseWriter
) -> None:
    """As records of version 1 are read: what they do not have is 0."""
    old = {"read": 0, "minutes": 0}
    written = [
        record(0, 1, published=15, deletes=1, dead=2, **old),
        record(1, 2, published=5, **old),
        record(1, 3, read=6, published=5, repeated=1),
        record(2, 4, read=7, published=7),
        record(3, 5, read=1, published=1),
    ]
    await fill(writer, COMPLETENESS, written)
    found = by_hour(client, ("read", "gap_minutes"))
    assert found == [(18, None), (11, None), (7, 58), (1, 58)] + [(0, 60)] * WEEK


async def test_a_feed_that_stopped_has_gaps_after_its_last_row_for_a_week(
    client: Client, writer: ClickHouseWriter
) -> None:
    """Its lag is short and its last row old; another feed, as old, may still come."""
    written = [
        record(0, 1, published=1),
        record(0, 2, published=1, feed="course_audit", lag_sum=NEVER_DUE),
        record(2, 3, dead=1),
        record(WEEK + 5, 4, dead=1),
    ]
    await fill(writer, COMPLETENESS, written)
    columns = ("dead", "gap_minutes", "is_gap")
    silent = [(int(hour == 2), 60, True) for hour in range(1, WEEK + 1)]
    assert by_hour(client, columns) == [(0, 58, False), *silent, (1, None, False)]
    assert by_hour(client, columns, "course_audit") == [(0, None, False)]


async def test_an_hour_is_due_when_twice_the_usual_lag_has_passed_since_its_end(
    client: Client, writer: ClickHouseWriter
) -> None:
    """web_logs as DAP brings them, 7 hours late, next to Live Events that stopped a day ago.

    One hour in ten may be later than is usual, and what is older than a week does not count.
    """
    clock = "SELECT toUnixTimestamp64Micro(now64(6))"
    ((began,),) = query(client, clock).rows
    silent_since = (began // HOUR - 24) * HOUR
    lags = {"web_logs": 7 * HOUR, "live_events": 3 * MICROS}
    written = [
        record(
            (silent_since - START) // HOUR - before,
            before,
            feed=feed,
            published=1,
            lag_sum=NEVER_DUE if before in {5, WEEK + 1} else lag,
        )
        for feed, lag in lags.items()
        for before in (*range(12), WEEK + 1)
    ]
    await fill(writer, COMPLETENESS, written)
    known = {feed: by_hour(client, ("hour", "gap_minutes"), feed) for feed in lags}
    ((ended,),) = query(client, clock).rows
    for feed, lag in lags.items():
        last = max(int(hour.timestamp()) * MICROS for hour, gap in known[feed] if gap is not None)
        assert (began - 2 * lag) // HOUR <= last // HOUR + 1 <= (ended - 2 * lag) // HOUR
        after = [gap for hour, gap in known[feed] if hour.timestamp() * MICROS > silent_since]
        assert after == [60] * ((last - silent_since) // HOUR)


@pytest.mark.parametrize("seed", range(2))
async def test_the_view_adds_up_what_transactions_counted(
    client: Client, writer: ClickHouseWriter, seed: int
) -> None:
    dice = random.Random(seed)
    times = [START + int(dice.random() ** 2 * 5 * HOUR) for _ in range(150)]
    records: list[dict[str, Any]] = []
    for first in range(0, len(times), 20):
        some = times[first : first + 20]
        rows = pl.DataFrame({"timestamp": some, "ingested_at": [at + 7 for at in some]})
        again = np.array(dice.sample(times, 5))
        copies = {hour: (count, START) for hour, count in hours_of("web_logs", again).items()}
        for frame in (
            completeness(WEB_LOGS.topic.name, rows),
            repeated(hours_of("web_logs", again), START + first),
            duplicates(copies),
        ):
            assert frame is not None
            records += frame.to_dicts()
    await fill(writer, COMPLETENESS, records)
    hours = added_up(records)
    sums = ("read", "published", "repeated", "duplicates")
    assert (
        by_hour(client, (*sums, "lag_mean_s", "gap_minutes"))
        == [
            (
                *(here[name] for name in sums),
                here["lag_sum"] / here["published"] / MICROS,
                60 - len({at // MINUTE for at in times if at // HOUR * HOUR == start}),
            )
            for (_, start), here in sorted(hours.items())
        ]
        + [(0, 0, 0, 0, None, 60)] * WEEK
    )
