"""What ClickHouse gives back to a recomputation is what the stages once read and wrote."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from clickhouse_connect.driver.client import Client

from pipeline.codecs.event_batch import event_columns
from pipeline.codecs.flat_schema import dtypes
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.sink.recorded import Erasures, Recorded
from pipeline.sink.selections import EVERYTHING, late_minutes, late_sessions, one_session
from pipeline.sink.tables.anomalies import ANOMALIES
from pipeline.sink.tables.course_audit import COURSE_AUDIT
from pipeline.sink.tables.erasures import ERASURES
from pipeline.sink.tables.late_rows import LATE_ROWS
from pipeline.sink.tables.live_events import LIVE_EVENTS
from pipeline.sink.tables.request_stats import REQUEST_STATS
from pipeline.sink.tables.sessions import SESSIONS
from pipeline.sink.tables.web_logs import WEB_LOGS
from pipeline.sink.writer import ClickHouseWriter
from tests.support.avro_schemas import project_schemas
from tests.support.sink_rows import TIME, row
from tests.support.sink_tables import fill

pytestmark = pytest.mark.stack

ALL = (0, TIME + 24 * HOUR)
KEYS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(10)]
SESSION = "0" * 31 + "1"


@pytest.fixture
def recorded(client: Client) -> Recorded:
    return Recorded(client, project_schemas())


def request(number: int, **values: Any) -> dict[str, Any]:
    nobody = {"user_id": None, "real_user_id": None, "session_id": SESSION}
    return row("web_log", number, **({"id": KEYS[number]} | nobody | values))


def expected(schema: str, columns: Sequence[str], rows: list[dict[str, Any]]) -> pl.DataFrame:
    types = dtypes(project_schemas().named(schema))
    return pl.DataFrame(rows, schema=types, orient="row").select(columns)


async def test_rows_come_back_as_an_event_batch_needs_them(
    writer: ClickHouseWriter, recorded: Recorded
) -> None:
    requests = [request(number) for number in range(5)]
    events = [row("live_event", number, user_id=None, real_user_id=None) for number in range(5)]
    await fill(writer, WEB_LOGS, requests, first_offset=40)
    await fill(writer, LIVE_EVENTS, events)
    found = recorded.rows("web_logs", *ALL, EVERYTHING).sort("_offset")
    assert found["_offset"].to_list() == [40, 41, 42, 43, 44]
    columns = event_columns("web_logs")
    assert found.select(columns).equals(expected("web_log", columns, requests))
    found = recorded.rows("live_events", *ALL, EVERYTHING).sort("_offset")
    columns = event_columns("live_events")
    assert found.select(columns).equals(expected("live_event", columns, events))
    audit = [row("course_audit", number, user_id=None) for number in range(5)]
    await fill(writer, COURSE_AUDIT, audit)
    found = recorded.rows("course_audit", *ALL, EVERYTHING).sort("_offset")
    columns = event_columns("course_audit")
    assert found.select(columns).equals(expected("course_audit", columns, audit))


async def test_rule_22_of_a_corrected_row_the_first_copy_is_read_and_the_last_is_in_web_logs(
    writer: ClickHouseWriter, recorded: Recorded, client: Client
) -> None:
    first = request(1, http_status=200, committed_at=TIME, ingested_at=TIME)
    correction = first | {"http_status": 500, "committed_at": TIME + 9, "ingested_at": TIME + 9}
    await fill(writer, WEB_LOGS, [correction], first_offset=2)
    await fill(writer, WEB_LOGS, [first], first_offset=1)
    await fill(writer, WEB_LOGS, [first, correction], first_offset=1)
    assert recorded.rows("web_logs", *ALL, EVERYTHING)["http_status"].to_list() == [200]
    assert client.query("SELECT http_status FROM web_logs").result_rows == [(500,)]


async def test_rule_22_erased_rows_do_not_come_back(
    writer: ClickHouseWriter, recorded: Recorded
) -> None:
    await fill(writer, WEB_LOGS, [request(1), request(2), request(3, user_id=4711)])
    erased = [("request", KEYS[1]), ("person", "4711")]
    orders = [row("erasure", n, kind=kind, subject=s) for n, (kind, s) in enumerate(erased)]
    await fill(writer, ERASURES, orders)
    assert recorded.rows("web_logs", *ALL, EVERYTHING)["id"].to_list() == [KEYS[2]]
    assert recorded.erasures() == Erasures(requests=1, people=1)


async def test_rule_19_rows_with_an_impossible_time_do_not_come_back(
    writer: ClickHouseWriter, recorded: Recorded
) -> None:
    await fill(writer, WEB_LOGS, [request(1), request(2)])
    key = KEYS[1].replace("-", "")
    late = row("late_row", 1, feed="web_logs", reason="time", event_key=key, event_time=TIME + 1)
    await fill(writer, LATE_ROWS, [late])
    assert recorded.rows("web_logs", *ALL, EVERYTHING)["id"].to_list() == [KEYS[2]]


async def test_what_late_rows_belong_to_is_selected_whole(
    writer: ClickHouseWriter, recorded: Recorded
) -> None:
    other = "0" * 31 + "2"
    rows = [
        request(1, timestamp=TIME),
        request(2, timestamp=TIME + 5 * MINUTE),
        request(3, timestamp=TIME + 5 * MINUTE, session_id=other),
        request(4, timestamp=TIME + HOUR, session_id=other),
    ]
    await fill(writer, WEB_LOGS, [one | {"ingested_at": TIME + HOUR} for one in rows])
    key = KEYS[2].replace("-", "")
    at = TIME + 5 * MINUTE
    late = row("late_row", 1, feed="web_logs", reason="late", event_key=key, event_time=at)
    await fill(writer, LATE_ROWS, [late])

    def selected(selection: Any) -> list[str]:
        return sorted(recorded.rows("web_logs", *ALL, selection)["id"].to_list())

    assert selected(late_sessions(0)) == [KEYS[1], KEYS[2]]
    assert selected(late_minutes(0)) == [KEYS[2], KEYS[3]]
    assert selected(one_session(other)) == [KEYS[3], KEYS[4]]
    assert selected(late_sessions(TIME + 2 * HOUR)) == []
    assert recorded.times_of_late_rows(0) == [at // HOUR * HOUR]
    assert recorded.times_of_session(other) == [at // HOUR * HOUR, (TIME + HOUR) // HOUR * HOUR]
    assert recorded.slices(("web_logs",), *ALL, EVERYTHING) == [ALL[1]]


async def test_late_audit_events_are_of_minutes_and_of_no_session(
    writer: ClickHouseWriter, recorded: Recorded
) -> None:
    at = TIME + 5 * MINUTE
    rows = [
        row("course_audit", n, created_at=at + n * MINUTE, user_id=None, session_id=SESSION)
        for n in (1, 2, 4)
    ]
    await fill(writer, COURSE_AUDIT, rows)
    key = rows[1]["id"].replace("-", "")
    misdated = rows[2]["id"].replace("-", "")
    late = [
        row("late_row", n, feed="course_audit", reason=reason, event_key=key, event_time=time)
        for n, (reason, key, time) in enumerate(
            [("late", key, rows[1]["created_at"]), ("time", misdated, rows[2]["created_at"])]
        )
    ]
    await fill(writer, LATE_ROWS, late)

    def selected(selection: Any) -> list[str]:
        return sorted(recorded.rows("course_audit", *ALL, selection)["id"].to_list())

    assert selected(EVERYTHING) == [rows[0]["id"], rows[1]["id"]]
    assert selected(late_minutes(0)) == [rows[1]["id"]]
    assert selected(late_sessions(0)) == []
    assert recorded.times_of_late_rows(0) == [at // HOUR * HOUR]


async def test_results_come_back_as_they_were_published_the_highest_version_of_each(
    writer: ClickHouseWriter, recorded: Recorded
) -> None:
    for table, read in (
        (SESSIONS, lambda: recorded.sessions(*ALL, EVERYTHING)),
        (REQUEST_STATS, lambda: recorded.stats(*ALL, EVERYTHING)),
        (ANOMALIES, lambda: recorded.anomalies(*ALL)),
    ):
        schema = table.topic.schema
        rows = [row(schema, number, status="final") for number in range(5)]
        newer = [one | {"version": one["version"] + 1} for one in rows[:2]]
        await fill(writer, table, newer)
        await fill(writer, table, rows)
        columns = list(dtypes(project_schemas().named(schema)))
        found = read().sort("version", *columns[:2]).select(columns)
        wanted = expected(schema, columns, [*newer, *rows[2:]]).sort("version", *columns[:2])
        assert found.equals(wanted), table.name
