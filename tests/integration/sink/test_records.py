"""From Avro bytes on a topic to rows in a view."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.codecs.avro import RecordWriter
from pipeline.codecs.chunk import RecordChunk
from pipeline.codecs.marks import Mark, mark_headers
from pipeline.sink.queries import query
from pipeline.sink.sink import ClickHouseSink
from pipeline.sink.tables import TABLES
from pipeline.sink.tables.table import Table
from pipeline.sink.writer import ClickHouseWriter
from tests.support.avro_schemas import project_schemas
from tests.support.sink_rows import row
from tests.support.sink_tables import read, sorted_rows

pytestmark = pytest.mark.stack


class Message(NamedTuple):
    """A record as a Kafka client delivers it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
async def test_records_arrive_marks_pass_and_bad_ones_are_dead_letters(
    client: Client, writer: ClickHouseWriter, table: Table
) -> None:
    acknowledged: dict[tuple[str, int], int] = {}

    async def acknowledge(positions: Mapping[tuple[str, int], int]) -> None:
        acknowledged.update(positions)

    schemas = project_schemas()
    name = table.topic.schema
    encode = RecordWriter(schemas.named(name), schemas.id_of(name)).write
    rows = [row(name, number) for number in range(1, 8)]
    values: list[bytes | None] = [encode(each) for each in rows]
    marked = mark_headers(Mark("web_logs", 5))
    messages = [Message(at, 1_700_000_000_000, b"k", v, ()) for at, v in enumerate(values)]
    messages += [Message(7, 1_700_000_000_000, None, None, marked)]
    messages += [Message(8, 1_700_000_000_000, b"k", b'{"access_token":"secret"}', ())]
    chunk = RecordChunk(table.topic.name, 0, 0, 12, messages)

    sink = ClickHouseSink(writer, schemas, acknowledge)
    await sink.add(chunk)
    await sink.stop()

    dead = query(client, "SELECT location, reason, payload FROM dead_letters WHERE source = 'sink'")
    ((location, reason, payload),) = dead.rows
    assert (location, reason) == (f"{table.topic.name}/0/8", "schema")
    assert "secret" not in str(payload)
    found = [each for each in read(client, table) if each.get("source") != "sink"]
    assert sorted_rows(found) == sorted_rows(rows)
    assert acknowledged == {(table.topic.name, 0): 12}
    assert (sink.marks, sink.bad) == (1, 1)
