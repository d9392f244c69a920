"""ClickHouse dies while the sink inserts."""

import asyncio
from collections.abc import Mapping

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.domain import topics
from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.sink.connection import ClickHouseConnection
from pipeline.sink.pace import Pace
from pipeline.sink.queries import query
from pipeline.sink.sink import ClickHouseSink
from pipeline.sink.writer import ClickHouseWriter, Patience
from tests.support.avro_schemas import project_schemas
from tests.support.frame_chunk import FrameChunk
from tests.support.sink_rows import row
from tests.support.stack import Stack

LOGS = topics.WEB_LOGS.name
ROWS = 500


def logs(first: int) -> FrameChunk:
    rows = {at: row("web_log", at) for at in range(first, first + ROWS)}
    return FrameChunk(LOGS, 0, rows, span=(first, first + ROWS))


def kill_and_start(stack: Stack) -> None:
    try:
        stack.clickhouse.kill()
    finally:
        stack.clickhouse.start()


@pytest.mark.stack
@pytest.mark.crash
async def test_no_acknowledged_row_is_lost_when_clickhouse_is_killed_again_and_again(
    stack: Stack, client: Client, connection: ClickHouseConnection
) -> None:
    acknowledged: dict[tuple[str, int], int] = {}

    async def acknowledge(positions: Mapping[tuple[str, int], int]) -> None:
        acknowledged.update(positions)

    writer = ClickHouseWriter(connection, Patience(longest_wait_s=1, give_up_after_s=600))
    pace = Pace(rows=2 * ROWS, most_rows=4 * ROWS, leave_within_s=600)
    sink = ClickHouseSink(writer, project_schemas(), acknowledge, pace)
    last = 1
    for _ in range(3):
        crash = asyncio.create_task(asyncio.to_thread(kill_and_start, stack))
        for _ in range(6):
            await sink.add(logs(last))
            last += ROWS
        await crash
        found = query(client, "SELECT toUInt64(substring(toString(id), 25)) FROM web_logs").rows
        stored = {number for (number,) in found}
        assert set(range(1, acknowledged.get((LOGS, 0), 1))) <= stored
    await sink.stop()
    await writer.close()
    ((count,),) = query(client, "SELECT count() FROM web_logs").rows
    assert count == last - 1
    assert acknowledged == {(LOGS, 0): last}


@pytest.mark.stack
async def test_a_missing_table_stops_at_once(own: ClickHouseConnection) -> None:
    async def acknowledge(_positions: Mapping[tuple[str, int], int]) -> None:
        pytest.fail("nothing was inserted")

    writer = ClickHouseWriter(own)
    sink = ClickHouseSink(writer, project_schemas(), acknowledge)
    await sink.add(logs(1))
    with pytest.raises(OurMistake, match=r"web_logs_store.* does not exist; migrate the tables"):
        await sink.stop()
    await writer.close()


async def test_a_server_that_never_answers_is_waited_for_within_a_bound() -> None:
    connection = ClickHouseConnection(port=1)
    writer = ClickHouseWriter(connection, Patience(first_wait_s=0.01, give_up_after_s=0.05))
    with pytest.raises(Unavailable, match="ClickHouse does not answer the connection"):
        await writer.command("SELECT 1", "a question")
    assert writer.trouble is not None
    await writer.close()
