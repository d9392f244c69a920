"""Values encoded in parts are the values encoded at once."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.column_encoder import ColumnEncoder
from pipeline.codecs.keys import binary_values
from pipeline.codecs.open_values import OpenValues, closed, is_open
from pipeline.codecs.web_log_rows import Origin, read_web_logs, web_log_key, with_agent_columns
from tests.support.avro_schemas import raw_schemas
from tests.support.raw_rows import raw_lines

LATE = ("root_account_id", "ingested_at", "source")
NOW = 1_771_200_000_000_000
SCHEMA = raw_schemas()["web_log"]


@settings(max_examples=50, deadline=None)
@given(st.lists(raw_lines(), max_size=6), st.none() | st.integers(1, 1 << 60))
def test_parts_together_are_the_whole(lines: list[bytes], root: int | None) -> None:
    rows = read_web_logs(lines, 1, Origin("a", NOW)).rows
    values = OpenValues(SCHEMA, 7, LATE)
    opened = values.opened(rows, web_log_key(), "timestamp")
    assert is_open(opened)
    assert not is_open(rows)
    late = with_agent_columns(pl.DataFrame({"timestamp": [0]}), "ä.jsonl", root, NOW)
    keys, found = closed(values.with_late(opened, late))
    whole = with_agent_columns(rows, "ä.jsonl", root, NOW)
    assert found.to_pylist() == ColumnEncoder(SCHEMA, 7).encode(whole).to_pylist()
    assert keys.to_pylist() == binary_values(rows.select(web_log_key()).to_series()).to_pylist()
    assert opened["timestamp"].to_list() == rows["timestamp"].to_list()


def test_late_fields_follow_each_other() -> None:
    with pytest.raises(ValueError, match="no fields source, ingested_at in a row"):
        OpenValues(SCHEMA, 7, ("source", "ingested_at"))
