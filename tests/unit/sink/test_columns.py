"""From decoded frames to Arrow."""

import polars as pl
import pyarrow as pa
import pytest

from pipeline.sink.columns import Columns
from pipeline.sink.tables import TABLES
from pipeline.sink.tables.table import Table
from pipeline.sink.tables.web_logs import WEB_LOGS
from tests.support.avro_schemas import project_schemas
from tests.support.frame_chunk import FrameChunk
from tests.support.sink_rows import row


def columns_of(table: Table) -> Columns:
    return Columns(table, project_schemas().named(table.topic.schema))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_keeps_every_field_and_times_are_timestamps(table: Table) -> None:
    schemas = project_schemas()
    columns = columns_of(table)
    rows = {at: row(table.topic.schema, at) for at in range(1, 4)}
    chunk = FrameChunk(table.topic.name, 5, rows, span=(1, 4))
    decoded = chunk.decode(schemas, table.topic.schema, columns.names)
    arrow = columns.arrow([columns.placed(decoded.frame, 5)] * 2)
    assert tuple(arrow.column_names) == columns.stored
    assert arrow.num_rows == 6
    for field in schemas.named(table.topic.schema)["fields"]:
        is_time = "timestamp-micros" in str(field["type"])
        assert (arrow.schema.field(field["name"]).type == pa.timestamp("us", "UTC")) == is_time
    if table.positions:
        assert arrow["_partition"].to_pylist() == [5] * 6
        assert arrow["_offset"].to_pylist() == [1, 2, 3] * 2


@pytest.mark.parametrize(
    "wrong", ["", "text", "00000000-0000-4000-8000-00000000000g", "0" * 31, "0" * 33]
)
def test_an_identity_that_is_no_uuid_is_set_aside(wrong: str) -> None:
    rows = [row("web_log", 1), row("web_log", 2, id=wrong), row("web_log", 3, id="ab" * 16)]
    columns = columns_of(WEB_LOGS)
    good, bad = columns.split(columns.rows(rows))
    assert good["id"].to_list() == [rows[0]["id"], rows[2]["id"]]
    assert bad["id"].to_list() == [wrong]


def test_an_empty_frame_has_nothing_to_set_aside() -> None:
    columns = columns_of(WEB_LOGS)
    good, bad = columns.split(columns.rows([]))
    assert isinstance(good, pl.DataFrame)
    assert good.is_empty()
    assert bad.is_empty()
