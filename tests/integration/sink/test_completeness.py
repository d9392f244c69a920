"""What came, what came twice, what never came: seen in ClickHouse."""

from datetime import UTC, datetime

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.domain.event_time import HOUR, MICROS
from pipeline.sink.queries import query
from pipeline.sink.tables.completeness import COMPLETENESS
from pipeline.sink.tables.late_rows import LATE_ROWS
from pipeline.sink.tables.live_events import LIVE_EVENTS
from pipeline.sink.tables.table import Table
from pipeline.sink.tables.web_logs import WEB_LOGS
from pipeline.sink.writer import ClickHouseWriter
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


async def test_hours_add_up_and_duplicates_gaps_and_late_rows_are_seen(
    client: Client, writer: ClickHouseWriter
) -> None:
    await put_hour(writer, 0, 0)
    await put_hour(writer, 2, 0)
    values = {"feed": "web_logs", "deletes": 0, "dead": 1, "lag_sum": 0, "lag_max": 5 * MICROS}
    for number, hour, published in ((1, 0, 15), (2, 0, 8), (2, 0, 8), (3, 2, 20)):
        await put(
            writer,
            COMPLETENESS,
            number,
            start=START + hour * HOUR,
            published=published,
            first_at=START + hour * HOUR,
            last_at=START + hour * HOUR + MICROS,
            recorded_at=START + 3 * HOUR + number,
            **values,
        )
    key = request_id(0, 1).replace("-", "")
    await put(writer, LATE_ROWS, 1, feed="web_logs", event_key=key, event_time=START + 1)
    found = query(
        client,
        "SELECT read, published, dead, kept, duplicates, late, lag_max_s, gap_s, is_gap"
        " FROM completeness_by_hour WHERE feed = 'web_logs' ORDER BY hour",
    ).rows
    assert found == [
        (25, 23, 2, 20, 3, 1, 5, 0, False),
        (0, 0, 0, 0, 0, 0, 0, 0, True),
        (21, 20, 1, 20, 0, 0, 5, 7199, False),
    ]
