"""Values encoded in parts are the values encoded at once."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.column_encoder import ColumnEncoder
from pipeline.codecs.keys import binary_values
from pipeline.codecs.open_values import OpenValues, closed, is_open
from pipeline.codecs.text_lines import TextLines
from pipeline.codecs.web_log_rows import (
    Origin,
    read_web_log_values,
    read_web_logs,
    web_log_key,
    with_agent_columns,
)
from tests.support.avro_schemas import raw_schemas
from tests.support.raw_rows import GOOD_ID, line, raw_lines, row

LATE = ("root_account_id", "ingested_at", "source")
NOW = 1_771_200_000_000_000
SCHEMA = raw_schemas()["web_log"]


def plain_lines() -> st.SearchStrategy[bytes]:
    """Rows that are plain but for what is seen to in texts: secrets, sentinels, no session."""
    texts = st.sampled_from(
        ["", " ", "__dap_unspecified__", "a", "b" * 13, "/x?ACCESS_TOKEN=1&b=2", "/y?code=1#z"]
    )
    sessions = st.sampled_from(
        [None, "F8d67aec17b45cb017e168ab7204bf4c", "f8d67aec-17b4-5cb0-17e1-68ab7204bf4c", "no"]
    )
    given = st.fixed_dictionaries(
        {"url": texts, "http_version": st.sampled_from(["HTTP/1.1", "2.0", "HTTP/HTTP/2"])},
        optional={
            "user_agent": texts,
            "web_application_controller": texts,
            "remote_ip": st.sampled_from(["::1", " ", "x~1a", "198.51.100.5"]),
            "session_id": sessions,
            "user_id": st.sampled_from([None, 5, 40_000_000_000_007]),
            "real_user_id": st.sampled_from([None, 10_000_000_000_009]),
            "participated": st.booleans(),
        },
    )
    ids = st.sampled_from([GOOD_ID, GOOD_ID.upper(), GOOD_ID.replace("-", ""), "x"])
    return st.builds(lambda chosen, value: line(row(chosen, **value)), ids, given)


@settings(max_examples=50, deadline=None)
@given(st.lists(raw_lines(), max_size=6), st.none() | st.integers(1, 1 << 60))
def test_parts_together_are_the_whole(lines: list[bytes], root: int | None) -> None:
    rows = read_web_logs(lines, 1, Origin("a", NOW)).rows
    values = OpenValues(SCHEMA, 7, LATE)
    opened = values.opened(rows, rows.select(web_log_key()).to_series())
    assert is_open(opened)
    assert not is_open(rows)
    late = with_agent_columns(pl.DataFrame({"timestamp": [0]}), "ä.jsonl", root, NOW)
    keys, found = closed(values.with_late(opened, late))
    whole = with_agent_columns(rows, "ä.jsonl", root, NOW)
    assert found.to_pylist() == ColumnEncoder(SCHEMA, 7).encode(whole).to_pylist()
    assert keys.to_pylist() == binary_values(rows.select(web_log_key()).to_series()).to_pylist()


def test_late_fields_follow_each_other() -> None:
    with pytest.raises(ValueError, match="no fields source, ingested_at in a row"):
        OpenValues(SCHEMA, 7, ("source", "ingested_at"))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(raw_lines() | plain_lines(), max_size=8),
    st.sampled_from([None, 1, 4]),
    st.sampled_from([1_000_000, 3_000]),
)
def test_values_are_the_same_whichever_way_a_row_takes(
    lines: list[bytes], home_shard: int | None, limit: int
) -> None:
    """Plain lines never become columns, the others do; order, keys and bytes do not tell."""
    origin = Origin("a", NOW, home_shard, limit)
    values = OpenValues(SCHEMA, 7, LATE)
    found = read_web_log_values(TextLines.of(b"\n".join(lines)), 5, origin, values)
    columns = read_web_logs(lines, 5, origin)
    expected = values.of_rows(columns.rows, web_log_key(), "timestamp")
    assert found.rows.select(expected.columns).equals(expected)
    assert found.bad == columns.bad
    assert found.deletes.equals(columns.deletes)
    assert found.read == columns.read
