"""Filling and reading the sink's tables with rows of the Avro schemas."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clickhouse_connect.driver.client import Client

from pipeline.sink.columns import Columns
from pipeline.sink.tables.table import Table
from pipeline.sink.writer import ClickHouseWriter
from tests.support.avro_schemas import project_schemas, raw_schemas
from tests.support.frame_chunk import FrameChunk


async def fill(
    writer: ClickHouseWriter, table: Table, rows: Sequence[Mapping[str, Any]], first_offset: int = 0
) -> None:
    """Insert rows as the sink does, read from partition 0 at successive offsets."""
    schemas = project_schemas()
    columns = Columns(table, schemas.named(table.topic.schema))
    by_offset = dict(enumerate(rows, first_offset))
    chunk = FrameChunk(table.topic.name, 0, by_offset, span=(first_offset, max(by_offset) + 1))
    frame = chunk.decode(schemas, table.topic.schema, columns.names).frame
    await writer.insert(table.store, columns.arrow([columns.placed(frame, 0)]))


def read(client: Client, table: Table) -> list[dict[str, Any]]:
    """Return a view's rows as the Avro schema has them, times in microseconds."""
    fields = raw_schemas()[table.topic.schema]["fields"]
    expressions = ", ".join(_expression(field) for field in fields)
    found = client.query(
        f"SELECT {expressions} FROM {table.name}",  # noqa: S608 - names of ours
        query_formats={"String": "bytes"},
    )
    return [
        {field["name"]: _value(field, value) for field, value in zip(fields, values, strict=True)}
        for values in found.result_rows
    ]


def sorted_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return sorted((dict(row) for row in rows), key=repr)


def _expression(field: Mapping[str, Any]) -> str:
    name, kind = f"`{field['name']}`", str(field["type"])
    if "timestamp-micros" in kind:
        return f"toUnixTimestamp64Micro({name})"
    return f"toString({name})" if "uuid" in kind else name


def _value(field: Mapping[str, Any], value: Any) -> Any:
    if isinstance(value, bytes):
        return value if "bytes" in field["type"] else value.decode()
    if isinstance(value, list):
        return [_value(field, item) for item in value]
    return value
