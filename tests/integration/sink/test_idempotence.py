"""Inserting again, in any order and between any merges, changes nothing that a reader sees."""

import random
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.sink.tables import TABLES
from pipeline.sink.tables.table import Table
from pipeline.sink.writer import ClickHouseWriter
from tests.support.avro_schemas import raw_schemas
from tests.support.sink_rows import TIME, row
from tests.support.sink_tables import fill, read, sorted_rows

pytestmark = pytest.mark.stack

CHUNKS, ROWS, IDENTITIES = 5, 4, 7

BY_PLACE = frozenset({"completeness"})
"""Tables whose rows have no identity but their place in Kafka."""


def version_of(table: Table, offset: int) -> dict[str, Any]:
    """A record of one of few identities, newer than all before it in what decides."""
    names = {field["name"] for field in raw_schemas()[table.topic.schema]["fields"]}
    decides = {
        "version": 100 + offset,
        "committed_at": TIME + offset // 2,
        "ingested_at": TIME + offset,
    }
    record = row(table.topic.schema, offset % IDENTITIES + 1)
    if table.name == "sessions":
        record["status"] = ("open", "closed", "withdrawn", "final")[offset % 4]
    return record | {name: value for name, value in decides.items() if name in names}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_rule_13_chunks_again_in_any_order_and_between_merges_show_the_same(
    client: Client, writer: ClickHouseWriter, table: Table, seed: int
) -> None:
    dice = random.Random(f"{table.name} {seed}")
    chunks = [
        [version_of(table, offset) for offset in range(first, first + ROWS)]
        for first in range(0, CHUNKS * ROWS, ROWS)
    ]

    async def shown(order: list[int], *, merges: bool) -> list[dict[str, Any]]:
        client.command(f"TRUNCATE TABLE {table.store}")
        for number in order:
            await fill(writer, table, chunks[number], number * ROWS)
            if merges and dice.random() < 0.4:
                client.command(f"OPTIMIZE TABLE {table.store} FINAL")
        return sorted_rows(read(client, table))

    once = await shown(list(range(CHUNKS)), merges=False)
    again = [*range(CHUNKS), *dice.choices(range(CHUNKS), k=5)]
    dice.shuffle(again)
    assert await shown(again, merges=True) == once
    assert 0 < len(once) <= (CHUNKS * ROWS if table.name in BY_PLACE else IDENTITIES)


async def test_rule_13_the_newest_version_is_shown_even_if_an_older_one_comes_after_a_merge(
    client: Client, writer: ClickHouseWriter
) -> None:
    """Also where the newest says that the session is no more."""
    (sessions,) = (table for table in TABLES if table.name == "sessions")
    old, gone, back = (
        [row("session", 1, version=version, status=status)]
        for version, status in ((1, "open"), (2, "withdrawn"), (3, "closed"))
    )
    await fill(writer, sessions, gone, 1)
    client.command(f"OPTIMIZE TABLE {sessions.store} FINAL")
    await fill(writer, sessions, old, 0)
    client.command(f"OPTIMIZE TABLE {sessions.store} FINAL")
    assert read(client, sessions) == []
    await fill(writer, sessions, back, 2)
    await fill(writer, sessions, gone, 1)
    assert read(client, sessions) == back
