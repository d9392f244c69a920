"""Columns are encoded to exactly what fastavro writes."""

import io
from typing import Any

import fastavro
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.avro import ColumnEncoder, RecordWriter
from pipeline.codecs.flat_schema import dtypes
from pipeline.domain.errors import OurMistake
from tests.support.avro_values import (
    NAMES,
    Record,
    Schema,
    flat_schemas,
    framed,
    records_of,
    schema_named,
)


def frame_of(schema: Schema, records: list[Record]) -> pl.DataFrame:
    return pl.DataFrame(records, schema=dtypes(schema), orient="row")


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_columns_are_byte_for_byte_what_fastavro_writes(data: st.DataObject) -> None:
    schema = data.draw(flat_schemas())
    records = data.draw(st.lists(records_of(schema), max_size=8))
    encoded = ColumnEncoder(schema, 7).encode(frame_of(schema, records))
    assert encoded.type == pa.binary()
    assert encoded.to_pylist() == [framed(schema, 7, record) for record in records]


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_every_schema_is_encoded_as_fastavro_does(name: str, data: st.DataObject) -> None:
    schema = schema_named(name)
    records = data.draw(st.lists(records_of(schema), max_size=3))
    expected = [framed(schema, 1 << 30, record) for record in records]
    encoder = ColumnEncoder(schema, 1 << 30)
    assert encoder.encode(frame_of(schema, records)).to_pylist() == expected


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=5, deadline=None)
def test_a_foreign_reader_with_plain_fastavro_reads_what_we_write(
    name: str, data: st.DataObject
) -> None:
    schema = schema_named(name)
    records = data.draw(st.lists(records_of(schema), min_size=1, max_size=3))
    values = ColumnEncoder(schema, 5).encode(frame_of(schema, records)).to_pylist()
    plain = fastavro.parse_schema(schema)
    for value, record in zip(values, records, strict=True):
        assert value[:5] == b"\0\0\0\0\5"
        foreign = fastavro.schemaless_reader(io.BytesIO(value[5:]), plain)
        again = io.BytesIO()
        fastavro.schemaless_writer(again, plain, foreign)
        assert foreign.keys() == record.keys()
        assert again.getvalue() == value[5:]


def test_a_slice_of_a_frame_is_encoded_as_the_slice_alone() -> None:
    schema = schema_named("session")
    text = {"type": "array", "items": "string"}
    schema = {**schema, "fields": [{"name": "a", "type": text}, {"name": "b", "type": "string"}]}
    records = [{"a": ["x" * n] * (n % 9), "b": "y" * n} for n in range(5000)]
    encoder = ColumnEncoder(schema, 7)
    expected = [framed(schema, 7, record) for record in records]
    frame = frame_of(schema, records)
    assert encoder.encode(frame).to_pylist() == expected
    assert encoder.encode(frame[50:4150]).to_pylist() == expected[50:4150]
    assert encoder.encode(frame[50:150]).to_pylist() == expected[50:150]


def test_times_may_be_datetimes() -> None:
    schema = schema_named("ingest_cursor")
    times = pl.Series("updated_at", [1_700_000_000_000_001])
    rest = {"agent": ["a"], "subject": ["s"], "state": ["{}"]}
    integers = pl.DataFrame(rest).with_columns(times)
    stamps = integers.with_columns(times.cast(pl.Datetime("us", "UTC")))
    encoder = ColumnEncoder(schema, 7)
    assert encoder.encode(stamps).equals(encoder.encode(integers))


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pl.Series("f", ["a", None]), "nulls in column 'f'"),
        (pl.Series("g", ["a", "b"]), "no column 'f'"),
        (pl.Series("f", [["a"], ["b"]]), "in column 'f', where the schema has string"),
    ],
)
def test_a_frame_that_does_not_fit_is_our_mistake(column: pl.Series, said: str) -> None:
    schema = {"type": "record", "name": "R", "fields": [{"name": "f", "type": "string"}]}
    with pytest.raises(OurMistake, match=said):
        ColumnEncoder(schema, 7).encode(pl.DataFrame([column]))


def plain_column(column: pl.Series) -> Any:
    """Return a column as those hand it over who make no frame of it."""
    if isinstance(column.dtype, pl.String | pl.List):
        return column.to_arrow(compat_level=pl.CompatLevel.oldest())
    values = column.fill_null(value=column.dtype == pl.Boolean).to_numpy()
    return (values, column.is_not_null().to_numpy()) if column.null_count() else values


@pytest.mark.parametrize("name", ["session", "request_delta"])
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_plain_columns_are_encoded_as_those_of_a_frame(name: str, data: st.DataObject) -> None:
    schema = schema_named(name)
    frame = frame_of(schema, data.draw(st.lists(records_of(schema), max_size=5)))
    plain = {column.name: plain_column(column) for column in frame.get_columns()}
    encoder = ColumnEncoder(schema, 7)
    assert encoder.encode(plain).equals(encoder.encode(frame))


NUMBERS = np.array([1, 2])
ABSENT = np.array([True, False])


@pytest.mark.parametrize(
    ("kind", "column", "said"),
    [
        ("string", pa.array(["a", None], pa.large_string()), "nulls in column 'f'"),
        ("string", pa.array(["a"]), "where the schema has string"),
        ("long", (NUMBERS, ABSENT), "nulls in column 'f'"),
        ("long", NUMBERS.astype(float), "where the schema has long"),
        ("boolean", NUMBERS, "where the schema has boolean"),
        ({"type": "array", "items": "long"}, NUMBERS, "where the schema has long"),
        ("string", pa.array([["a"]], pa.large_list(pa.large_string())), "the schema has string"),
    ],
)
def test_a_plain_column_that_does_not_fit_is_our_mistake(kind: Any, column: Any, said: str) -> None:
    schema = {"type": "record", "name": "R", "fields": [{"name": "f", "type": kind}]}
    with pytest.raises(OurMistake, match=said):
        ColumnEncoder(schema, 7).encode({"f": column})


def test_columns_of_other_lengths_are_our_mistake() -> None:
    """The loop that writes rows reads every column at every row."""
    schema = {
        "type": "record",
        "name": "Two",
        "fields": [{"name": "a", "type": "long"}, {"name": "b", "type": ["null", "long"]}],
    }
    two, three = np.zeros(2, np.int64), np.zeros(3, np.int64)
    for other in (three, (two, np.ones(1, np.bool_)), (three, None)):
        with pytest.raises(OurMistake, match="rows are no frame"):
            ColumnEncoder(schema, 7).encode({"a": two, "b": other})


def test_a_null_within_a_list_is_our_mistake() -> None:
    array = {"type": "array", "items": "long"}
    schema = {"type": "record", "name": "R", "fields": [{"name": "f", "type": array}]}
    with pytest.raises(OurMistake, match="f"):
        ColumnEncoder(schema, 7).encode(pl.DataFrame({"f": [[1, None]]}))


def test_a_misfit_names_the_field_and_not_its_value() -> None:
    writer = RecordWriter(schema_named("erasure"), 7)
    record = {"kind": "person", "subject": 12345, "requested_at": 1, "source": "s"}
    with pytest.raises(OurMistake, match="subject, ingested_at") as failure:
        writer.write(record)
    assert "12345" not in str(failure.value)
