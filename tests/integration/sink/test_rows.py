"""What goes in comes out, once, whatever was repeated."""

import random

import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain import topics
from pipeline.sink.sink import ClickHouseSink
from pipeline.sink.tables import TABLES
from pipeline.sink.tables.live_events import LIVE_EVENTS
from pipeline.sink.tables.request_stats import REQUEST_STATS
from pipeline.sink.tables.sessions import SESSIONS
from pipeline.sink.tables.table import Table
from pipeline.sink.tables.web_logs import WEB_LOGS
from pipeline.sink.writer import ClickHouseWriter
from tests.support.avro_schemas import project_schemas
from tests.support.frame_chunk import FrameChunk
from tests.support.sink_rows import TIME, row
from tests.support.sink_tables import fill, read, sorted_rows

pytestmark = pytest.mark.stack

HOUR = 3_600_000_000


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_every_field_of_every_table_comes_out_as_it_went_in(
    client: Client, writer: ClickHouseWriter, table: Table
) -> None:
    rows = [row(table.topic.schema, number) for number in range(1, 10)]
    await fill(writer, table, rows)
    assert sorted_rows(read(client, table)) == sorted_rows(rows)


async def test_a_request_shows_its_last_commit(client: Client, writer: ClickHouseWriter) -> None:
    def version(committed: int | None, ingested: int, status: int) -> dict[str, object]:
        return row(
            "web_log", 1, committed_at=committed, ingested_at=TIME + ingested, http_status=status
        )

    last = version(TIME + 20, 1, 302)
    await fill(writer, WEB_LOGS, [last])
    await fill(writer, WEB_LOGS, [version(TIME + 10, 5, 200), version(None, 9, 500)], 1)
    assert read(client, WEB_LOGS) == [last]
    published_again = version(TIME + 20, 2, 303)
    await fill(writer, WEB_LOGS, [version(TIME + 20, 1, 302), published_again], 3)
    assert read(client, WEB_LOGS) == [published_again]


async def test_an_event_shows_its_first_publication(
    client: Client, writer: ClickHouseWriter
) -> None:
    first = row("live_event", 1, ingested_at=TIME, source="first")
    await fill(writer, LIVE_EVENTS, [row("live_event", 1, ingested_at=TIME + 1, source="second")])
    await fill(writer, LIVE_EVENTS, [first], 1)
    await fill(writer, LIVE_EVENTS, [row("live_event", 1, ingested_at=TIME, source="third")], 2)
    assert read(client, LIVE_EVENTS) == [first]


async def test_the_highest_version_of_a_session_counts_and_a_withdrawn_one_is_gone(
    client: Client, writer: ClickHouseWriter
) -> None:
    def session(number: int, version: int, status: str) -> dict[str, object]:
        return row("session", number, version=version, status=status)

    final = session(2, 9, "final")
    await fill(writer, SESSIONS, [session(1, 5, "open"), final, session(3, 4, "withdrawn")])
    assert sorted_rows(read(client, SESSIONS)) == sorted_rows([session(1, 5, "open"), final])
    await fill(writer, SESSIONS, [session(1, 6, "withdrawn"), session(2, 8, "closed")])
    assert read(client, SESSIONS) == [final]
    back = session(1, 7, "closed")
    await fill(writer, SESSIONS, [back, session(3, 3, "open")])
    assert sorted_rows(read(client, SESSIONS)) == sorted_rows([back, final])
    await writer.command("OPTIMIZE TABLE sessions_store FINAL", "a merge")
    assert sorted_rows(read(client, SESSIONS)) == sorted_rows([back, final])


async def test_a_block_that_was_inserted_before_is_not_taken_for_a_repetition(
    client: Client, writer: ClickHouseWriter
) -> None:
    """The server must not drop it: it may have lost the first one."""
    rows = [row("request_stat", 1)]
    for _ in range(3):
        await fill(writer, REQUEST_STATS, rows)
    assert client.command("SELECT count() FROM request_stats_store") == 3
    assert read(client, REQUEST_STATS) == rows


async def test_one_insert_may_hold_rows_of_many_months(
    client: Client, writer: ClickHouseWriter
) -> None:
    months = [row("web_log", at, timestamp=TIME - at * 31 * 24 * HOUR) for at in range(1, 150)]
    await fill(writer, WEB_LOGS, months)
    assert len(read(client, WEB_LOGS)) == len(months)


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
async def test_repetition_in_any_order_gives_the_same_content(
    client: Client, writer: ClickHouseWriter, seed: int
) -> None:
    """Content is that of inserting once, however often and in what order chunks come."""
    dice = random.Random(seed)
    logs = {
        at: row(
            "web_log",
            at % 5,
            committed_at=TIME + dice.randint(0, 3),
            ingested_at=TIME + at // 3,
            http_status=at,
        )
        for at in range(15)
    }
    stats = {
        at: row("request_stat", at % 4, version=100 + at, minute=TIME + at % 4) for at in range(12)
    }
    plan = [(topics.WEB_LOGS.name, logs, at) for at in range(0, 15, 3)]
    plan += [(topics.REQUEST_STATS.name, stats, at) for at in range(0, 12, 3)]

    async def content(steps: list[tuple[str, dict[int, dict[str, object]], int]]) -> object:
        for table in (WEB_LOGS, REQUEST_STATS):
            client.command(f"TRUNCATE TABLE {table.store}")
        for topic, rows, at in steps:
            part = {offset: rows[offset] for offset in range(at, at + 3)}
            sink = ClickHouseSink(writer, project_schemas(), _nobody)
            await sink.add(FrameChunk(topic, 0, part, span=(at, at + 3)))
            await sink.stop()
        return [sorted_rows(read(client, table)) for table in (WEB_LOGS, REQUEST_STATS)]

    again = plan + dice.sample(plan, 4)
    dice.shuffle(again)
    assert await content(plan) == await content(again)


async def _nobody(_positions: object) -> None:
    """Acknowledge to nobody."""
