"""Columns are read as fastavro reads records, and a bad value costs only itself."""

import io

import fastavro
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pipeline.codecs.avro import ColumnDecoder, Columns, decode_one, encode_one
from pipeline.codecs.flat_schema import dtypes
from pipeline.codecs.unreadable import Unreadable
from pipeline.domain.errors import OurMistake
from tests.support.avro_values import (
    NAMES,
    Record,
    Schema,
    flat_schemas,
    framed,
    records_of,
    schema_named,
    schemas_of,
)


def fields(*declared: tuple[str, object] | tuple[str, object, object]) -> Schema:
    names = ("name", "type", "default")
    entries = [dict(zip(names, field, strict=False)) for field in declared]
    return {"type": "record", "name": "R", "fields": entries}


def decoded(schema: Schema, values: list[bytes], columns: list[str] | None = None) -> Columns:
    schemas = schemas_of((7, "r", schema))
    names = [field["name"] for field in schema["fields"]] if columns is None else columns
    return ColumnDecoder(schemas, "r", names).decode(values)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_columns_in_any_order_are_what_fastavro_reads(data: st.DataObject) -> None:
    schema = data.draw(flat_schemas())
    records = data.draw(st.lists(records_of(schema), max_size=8))
    names = [field["name"] for field in schema["fields"]]
    asked = data.draw(st.lists(st.sampled_from(names), unique=True))
    read = decoded(schema, [framed(schema, 7, record) for record in records], asked)
    assert read.bad == []
    assert read.frame.schema == {name: dtypes(schema)[name] for name in asked}
    expected = [{name: record[name] for name in asked} for record in records]
    assert read.frame.rows(named=True) == (expected if asked else [])


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
@settings(max_examples=10, deadline=None)
def test_every_schema_is_read_as_fastavro_does(name: str, data: st.DataObject) -> None:
    schema = schema_named(name)
    records = data.draw(st.lists(records_of(schema), min_size=1, max_size=3))
    values = [framed(schema, 7, record) for record in records]
    assert decoded(schema, values).frame.rows(named=True) == records
    schemas = schemas_of((7, "r", schema))
    assert [decode_one(schemas, value) for value in values] == records


def corrupted(data: st.DataObject, value: bytes) -> bytes:
    """Cut, lengthen or change a value."""
    place = data.draw(st.integers(0, len(value) - 1))
    noise = data.draw(st.binary(min_size=1, max_size=12))
    how = data.draw(st.sampled_from(["cut", "lengthen", "change"]))
    if how == "cut":
        return value[:place]
    return value + noise if how == "lengthen" else value[:place] + noise + value[place + 1 :]


@pytest.mark.parametrize("name", ["web_log", "session", "late_row"])
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_no_value_s_fate_depends_on_its_neighbours(name: str, data: st.DataObject) -> None:
    """Also not that of a broken one: alone or in company, the same row or the same reason."""
    schema = schema_named(name)
    records = data.draw(st.lists(records_of(schema), min_size=1, max_size=6))
    values = [framed(schema, 7, record) for record in records]
    for place in data.draw(st.sets(st.integers(0, len(values) - 1), max_size=3)):
        values[place] = corrupted(data, values[place])
    alone = [decoded(schema, [value]) for value in values]
    together = decoded(schema, values)
    rows = [row for one in alone for row in one.frame.rows()]
    assert together.frame.rows() == rows
    bad = [place for place, one in enumerate(alone) if one.bad]
    assert [place for place, _ in together.bad] == bad
    sound = [place for place in range(len(values)) if place not in bad]
    assert together.rows in (None, sound)


@pytest.mark.parametrize("name", ["web_log", "session", "late_row"])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_read_of_a_changed_value_is_what_fastavro_reads(
    name: str, data: st.DataObject
) -> None:
    schema = schema_named(name)
    value = corrupted(data, framed(schema, 7, data.draw(records_of(schema))))
    read = decoded(schema, [value])
    if not read.bad:
        # NaN equals nothing: the texts of both are compared.
        assert str(read.frame.row(0, named=True)) == str(
            decode_one(schemas_of((7, "r", schema)), value)
        )


TEXT = fields(("a", "string"))


@given(st.text(max_size=30), st.integers(0, 120), st.binary(max_size=3), st.integers(0, 60))
@example("", 0, b"\xc0\x80", 0)  # overlong
@example("", 0, b"\xed\xa0\x80", 9)  # a surrogate
@example("", 0, b"\xf4\x90\x80\x80", 20)  # beyond the last code point
@example("", 0, b"\xe2\x82", 13)  # cut
@settings(max_examples=400, deadline=None)
def test_a_text_is_read_if_and_only_if_it_is_utf8(
    text: str, place: int, noise: bytes, before: int
) -> None:
    raw = b"x" * before + text.encode()
    place = min(place, len(raw))
    raw = raw[:place] + noise + raw[place:]
    body = io.BytesIO()
    fastavro.schemaless_writer(body, {"type": "bytes"}, raw)
    read = decoded(TEXT, [b"\0\0\0\0\7" + body.getvalue()])
    try:
        expected = [raw.decode()]
    except UnicodeDecodeError:
        expected = []
    assert read.frame["a"].to_list() == expected
    assert [reason.detail for _, reason in read.bad] == ["a text is not UTF-8"] * (
        1 - len(expected)
    )


def zigzag(number: int) -> bytes:
    body = io.BytesIO()
    fastavro.schemaless_writer(body, {"type": "long"}, number)
    return body.getvalue()


def test_arrays_may_come_in_several_blocks_with_or_without_their_length() -> None:
    schema = fields(("a", {"type": "array", "items": "long"}), ("b", "long"))
    one = zigzag(2) + zigzag(1) + zigzag(300)
    sized = zigzag(-2) + zigzag(3) + zigzag(2) + zigzag(400)
    prefix, tail = b"\0\0\0\0\7", zigzag(0) + zigzag(9)
    values = [prefix + blocks + tail for blocks in (one + sized, sized + one, b"", sized)]
    read = decoded(schema, values)
    assert read.frame["a"].to_list() == [[1, 300, 2, 400], [2, 400, 1, 300], [], [2, 400]]
    assert read.frame["b"].to_list() == [9] * 4


@pytest.mark.parametrize(
    "blocks",
    [zigzag(5) + zigzag(1), zigzag(1 << 40), zigzag(-(1 << 63)) + zigzag(1), zigzag(-(1 << 40))],
)
def test_an_array_that_promises_more_than_there_is_is_bad(blocks: bytes) -> None:
    schema = fields(("a", {"type": "array", "items": "long"}))
    assert len(decoded(schema, [b"\0\0\0\0\7" + blocks]).bad) == 1


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("boolean", b"\2"),
        ("int", zigzag(1 << 31)),
        ("int", zigzag(-(1 << 31) - 1)),
        ("long", b"\xff" * 9 + b"\2"),
        ("long", b"\x80" * 11 + b"\0"),
        ("string", zigzag(-1)),
        (["null", "long"], zigzag(2)),
        (["null", "long"], zigzag(-1)),
    ],
)
def test_what_no_writer_of_the_schema_writes_does_not_fit(kind: object, body: bytes) -> None:
    read = decoded(fields(("a", kind)), [b"\0\0\0\0\7" + body])
    assert [reason.detail for _, reason in read.bad] == [
        "the body does not fit the writer's schema"
    ]


@given(st.data(), st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_data_too_long_for_one_view_is_read_in_pieces(data: st.DataObject, longest: int) -> None:
    schema = schema_named("session")
    values = [
        framed(schema, 7, record)
        for record in data.draw(st.lists(records_of(schema), min_size=1, max_size=6))
    ]
    values.insert(data.draw(st.integers(0, len(values))), b"")
    schemas, names = schemas_of((7, "r", schema)), [field["name"] for field in schema["fields"]]
    whole = ColumnDecoder(schemas, "r", names).decode(values)
    pieces = ColumnDecoder(schemas, "r", names, longest=longest).decode(values)
    assert pieces.frame.equals(whole.frame)
    assert pieces.rows == whole.rows
    assert [place for place, _ in pieces.bad] == [place for place, _ in whole.bad]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 500])
def test_one_broken_value_among_many_costs_only_itself(count: int) -> None:
    schema = schema_named("ingest_cursor")
    records = [
        {"agent": "a", "subject": f"s{n}", "state": "{}", "updated_at": n} for n in range(count)
    ]
    values = [framed(schema, 7, record) for record in records]
    middle = count // 2
    for broken in (values[middle][:-1], values[middle] + b"\0", b"", b"\0\0\0\0\7", b"hello"):
        read = decoded(schema, [*values[:middle], broken, *values[middle + 1 :]])
        assert read.rows == [place for place in range(count) if place != middle]
        assert read.frame.rows(named=True) == [*records[:middle], *records[middle + 1 :]]
        assert [place for place, _ in read.bad] == [middle]


def test_values_that_together_are_whole_records_are_still_bad() -> None:
    """Half a record, the other half, and two records in one value: nobody borrows bytes."""
    schema = schema_named("ingest_cursor")
    record = {"agent": "a" * 9, "subject": "s" * 9, "state": "t" * 9, "updated_at": 1}
    value = framed(schema, 7, record)
    prefix, body = value[:5], value[5:]
    values = [value, prefix + body[:10], prefix + body[10:], value + value, value]
    read = decoded(schema, values)
    assert read.rows == [0, 4]
    assert [place for place, _ in read.bad] == [1, 2, 3]


OLD = fields(("a", "string"), ("gone", "long", 0), ("n", "int"), ("x", "long"))
NEW = fields(
    ("x", "long"),
    ("n", "long"),
    ("added", ["null", "string"], None),
    ("a", "string"),
    ("b", "bytes", "\u00ff"),
    ("list", {"type": "array", "items": "long"}, []),
)


def test_a_writer_s_fields_may_be_added_removed_promoted_and_reordered() -> None:
    schemas = schemas_of((1, "r", OLD), (2, "r", NEW))
    old = {"a": "é", "gone": 5, "n": -3, "x": 9}
    new = {"x": 1, "n": 1 << 40, "added": "y", "a": "", "b": b"\1", "list": [1, 2]}
    values = [framed(OLD, 1, old), framed(NEW, 2, new), framed(OLD, 1, old)]
    as_new = {"x": 9, "n": -3, "added": None, "a": "é", "b": b"\xff", "list": []}
    read = ColumnDecoder(schemas, "r", list(new)).decode(values)
    assert read.frame.rows(named=True) == [as_new, new, as_new]
    assert read.frame.schema == dtypes(NEW)
    assert [decode_one(schemas, value, "r") for value in values] == [as_new, new, as_new]
    part = ColumnDecoder(schemas, "r", ["b", "n"]).decode(values[:1])
    assert part.frame.rows() == [(b"\xff", -3)]


def test_mixed_writers_keep_the_order_of_the_values() -> None:
    schemas = schemas_of((1, "r", OLD), (2, "r", NEW))
    values = []
    for n in range(50):
        old = {"a": "", "gone": 0, "n": 0, "x": n}
        new = {"x": n, "n": 0, "added": None, "a": "", "b": b"", "list": []}
        values.append(framed(OLD, 1, old) if n % 3 else framed(NEW, 2, new))
    read = ColumnDecoder(schemas, "r", ["x"]).decode(values)
    assert read.frame["x"].to_list() == list(range(50))
    assert read.rows is None


def test_a_null_where_we_take_none_is_bad_and_its_neighbour_is_not() -> None:
    loose, strict = fields(("a", ["null", "long"])), fields(("a", "long"))
    schemas = schemas_of((1, "r", loose), (2, "r", strict))
    values = [framed(loose, 1, {"a": 5}), framed(loose, 1, {"a": None})]
    read = ColumnDecoder(schemas, "r", ["a"]).decode(values)
    assert read.frame["a"].to_list() == [5]
    assert [(place, reason.reason) for place, reason in read.bad] == [(1, "shape")]


def test_unknown_and_incompatible_schemas_are_reasons() -> None:
    other = fields(("z", "long"))
    schemas = schemas_of((1, "r", other), (2, "r", fields(("a", "long"))))
    values = [framed(other, 1, {"z": 1}), framed(other, 99, {"z": 1}), b"\1\0\0\0\2\2", b"\0"]
    read = ColumnDecoder(schemas, "r", ["a"]).decode(values)
    assert len(read.frame) == 0
    assert [(type(reason).__name__, reason.reason) for _, reason in read.bad] == [
        ("IncompatibleSchema", "schema"),
        ("UnknownSchema", "schema"),
        ("NotFramed", "schema"),
        ("NotFramed", "schema"),
    ]


def test_a_writer_whose_records_are_not_flat_is_read_record_by_record() -> None:
    colour = {"type": "enum", "name": "Colour", "symbols": ["red", "blue"]}
    writer = fields(("extra", {"type": "map", "values": "long"}), ("c", colour), ("a", "long"))
    schemas = schemas_of((1, "r", writer), (2, "r", fields(("a", "long"))))
    values = [framed(writer, 1, {"extra": {"k": 1}, "c": "blue", "a": n}) for n in range(3)]
    values[1] = values[1][:-1]
    read = ColumnDecoder(schemas, "r", ["a"]).decode(values)
    assert read.frame["a"].to_list() == [0, 2]
    assert read.rows == [0, 2]


def test_bytes_of_a_writer_are_our_text_if_they_are_utf8() -> None:
    raw, text = fields(("a", "bytes")), fields(("a", "string"))
    schemas = schemas_of((1, "r", raw), (2, "r", text))
    values = [framed(raw, 1, {"a": "é".encode()}), framed(raw, 1, {"a": b"\xff"})]
    read = ColumnDecoder(schemas, "r", ["a"]).decode(values)
    assert read.frame["a"].to_list() == ["é"]
    assert [place for place, _ in read.bad] == [1]


def test_details_quote_none_of_the_value() -> None:
    schema = schema_named("erasure")
    record = {"kind": "k", "subject": "secret", "requested_at": 1, "ingested_at": 1, "source": "s"}
    value = encode_one(schema, 7, record)
    for broken in (value[:-1], value + b"secret", value.replace(b"secret", b"\xffecret")):
        read = decoded(schema, [broken])
        assert read.bad
        assert all("ecret" not in reason.detail for _, reason in read.bad)


@given(st.binary(max_size=40))
def test_decode_one_raises_unreadable_on_anything_else(value: bytes) -> None:
    schema = schema_named("ingest_cursor")
    schemas = schemas_of((7, "r", schema))
    for candidate in (value, b"\0\0\0\0\7" + value):
        try:
            record = decode_one(schemas, candidate)
        except Unreadable:
            continue
        assume(b"\x80" not in value)
        assert record.keys() == {field["name"] for field in schema["fields"]}


def test_a_column_that_is_not_ours_is_our_mistake() -> None:
    with pytest.raises(OurMistake, match="nonsense"):
        decoded(schema_named("erasure"), [], ["nonsense"])


def test_no_values_are_no_rows() -> None:
    record: Record = {}
    schema = schema_named("web_log")
    assert decoded(schema, []).frame.schema == dtypes(schema)
    assert decoded(schema, []).frame.rows(named=True) == list(record)
