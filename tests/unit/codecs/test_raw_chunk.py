"""Chunks of whole batches say what chunks of single records say, whatever is in them."""

import gc
import struct
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.batch_reader import CorruptBatch
from pipeline.codecs.chunk import Chunk, Decoded, RecordChunk
from pipeline.codecs.marks import Mark, StageMark, mark_headers
from pipeline.codecs.raw_batch import RawBatch
from pipeline.codecs.raw_chunk import RawChunk, joined
from pipeline.codecs.schemas import Schemas
from tests.support.avro_values import (
    Schema,
    flat_schemas,
    framed,
    records_of,
    schema_named,
    schemas_of,
)
from tests.support.log_batches import BASE_MS, HEADER_BYTES, Given, log_batch
from tests.support.log_batches import records_of as single_records

CURSOR = schema_named("ingest_cursor")
CURSORS = schemas_of((7, "ingest_cursor", CURSOR))
UNKNOWN_ID = 99
MARKS = (Mark("web_logs", 5), StageMark(3, {"web_logs": 5}, ("course_audit",), 4))


def raw(base: int, records: list[Given], *, append_ms: int | None = None) -> RawBatch:
    """Return a batch as the reader of a response gives it."""
    data = log_batch(base, records, last_delta=records[-1].delta)
    (first_ms,) = struct.unpack_from(">q", data, 27)
    end = base + records[-1].delta + 1
    return RawBatch(base, first_ms, append_ms, len(records), data[HEADER_BYTES:], base, end)


def both(batches: list[RawBatch], start: int, end: int) -> tuple[RawChunk, RecordChunk]:
    """Return the same records as a chunk of batches and as one of single records."""
    records = [record for batch in batches for record in single_records(batch)]
    return RawChunk("t", 2, start, end, batches), RecordChunk("t", 2, start, end, records)


def same(one: Decoded, other: Decoded) -> bool:
    return (
        one.frame.schema == other.frame.schema
        and one.frame.equals(other.frame)
        and one.bad == other.bad
        and one.marks == other.marks
    )


def test_payloads_that_lie_one_behind_the_other_are_not_copied() -> None:
    records = [Given(delta, 0, b"k", b"value %d" % delta, ()) for delta in range(9)]
    batches = [raw(base, records) for base in (0, 9, 18)]
    memory = np.frombuffer(b"".join(batch.payload for batch in batches), np.uint8).data
    ends = np.cumsum([len(batch.payload) for batch in batches]).tolist()
    shared = [
        batch._replace(payload=memory[end - len(batch.payload) : end])
        for batch, end in zip(batches, ends, strict=True)
    ]
    for parts in (shared, shared[1:], shared[::2], [shared[0], batches[1]]):
        chunk = RawChunk("t", 2, 0, 27, parts)
        assert chunk.size == sum(len(batch.payload) for batch in parts)
        assert [chunk.record(each.offset) for each in chunk_records(parts)] == chunk_records(parts)
        adjacent = parts in (shared, shared[1:])
        assert np.shares_memory(chunk._data, np.frombuffer(memory, np.uint8)) == adjacent


def chunk_records(batches: list[RawBatch]) -> list[Any]:
    return [record for batch in batches for record in single_records(batch)]


@st.composite
def given_values(draw: st.DrawFn, writers: dict[int, Schema]) -> bytes:
    """Draw a value of one of the writers, now and then one that is cut, changed or lengthened."""
    schema_id = draw(st.sampled_from(sorted(writers)))
    value = framed(writers[schema_id], schema_id, draw(records_of(writers[schema_id])))
    how = draw(st.sampled_from(["sound"] * 6 + ["cut", "lengthen", "change", "unknown", "noise"]))
    place = draw(st.integers(0, len(value) - 1))
    noise = draw(st.binary(min_size=1, max_size=12))
    return {
        "sound": value,
        "cut": value[:place],
        "lengthen": value + noise,
        "change": value[:place] + noise + value[place + 1 :],
        "unknown": struct.pack(">bI", 0, UNKNOWN_ID) + value[5:],
        "noise": noise,
    }[how]


HEADERS = st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=200)), max_size=2)


@st.composite
def given_records(draw: st.DrawFn, writers: dict[int, Schema]) -> list[Given]:
    """Draw the records of a batch, with holes between their offsets, nulls and marks."""
    values = st.none() | given_values(writers)
    marks = st.sampled_from(MARKS).map(mark_headers)
    found, delta = [], draw(st.integers(0, 2))
    for value in draw(st.lists(values, min_size=1, max_size=6)):
        headers = draw(HEADERS.map(tuple) | marks) if value is None else tuple(draw(HEADERS))
        key = draw(st.none() | st.binary(max_size=80))
        found.append(Given(delta, draw(st.integers(0, 1 << 20)), key, value, headers))
        delta += draw(st.integers(1, 100))
    return found


@st.composite
def given_batches(draw: st.DrawFn, writers: dict[int, Schema]) -> list[RawBatch]:
    """Draw batches, some with the time of their append, some of which only a part counts."""
    batches, base = [], draw(st.integers(0, 1 << 40))
    for records in draw(st.lists(given_records(writers), max_size=3)):
        append_ms = draw(st.none() | st.integers(BASE_MS, BASE_MS + 9))
        batch = raw(base, records, append_ms=append_ms)
        base = batch.end + draw(st.integers(0, 3))
        first = draw(st.integers(batch.first, batch.end))
        batches.append(batch._replace(first=first, end=draw(st.integers(first, batch.end))))
    return batches


@st.composite
def given_schemas(draw: st.DrawFn) -> tuple[Schemas, dict[int, Schema]]:
    """Draw our schema, and an older one with some of its fields in another order."""
    ours = draw(flat_schemas())
    for field in ours["fields"]:
        if isinstance(field["type"], list) and field["type"][0] == "null":
            field["default"] = None
    known = [field for field in ours["fields"] if "default" not in field]
    known += draw(st.lists(st.sampled_from(ours["fields"]), unique_by=lambda one: one["name"]))
    older = {**ours, "fields": list({field["name"]: field for field in known}.values())[::-1]}
    return schemas_of((3, "r", older), (4, "r", ours)), {3: older, 4: ours}


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_chunk_of_batches_says_what_a_chunk_of_its_records_says(data: st.DataObject) -> None:
    schemas, writers = data.draw(given_schemas())
    batches = data.draw(given_batches(writers))
    start = batches[0].base_offset if batches else 0
    end = batches[-1].end + 1 if batches else 1
    mine, plain = both(batches, start, end)
    names = [field["name"] for field in writers[4]["fields"]]
    asked = data.draw(st.lists(st.sampled_from(names), unique=True))
    assert len(mine) == len(plain)
    assert same(mine.decode(schemas, "r", asked), plain.decode(schemas, "r", asked))
    offset = data.draw(st.integers(start - 1, end + 1))
    later, plain_later = mine.since(offset), plain.since(offset)
    assert (later.fetch_offset, later.next_offset, len(later)) == (
        plain_later.fetch_offset,
        plain_later.next_offset,
        len(plain_later),
    )
    assert same(later.decode(schemas, "r", asked), plain_later.decode(schemas, "r", asked))
    for at in {offset, *(record.offset for one in batches for record in single_records(one))}:
        assert found(later, at) == found(plain_later, at)


def found(chunk: Chunk, offset: int) -> Any:
    try:
        return chunk.record(offset)
    except KeyError:
        return None


@given(payload=st.binary(max_size=60), count=st.integers(0, 1 << 31))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_whole_records_or_a_corrupt_batch(payload: bytes, count: int) -> None:
    batch = RawBatch(0, 0, None, count, payload, -(1 << 62), 1 << 62)
    try:
        chunk = RawChunk("t", 0, 0, 1, [batch])
    except CorruptBatch:
        assert payload or count
    else:
        assert len(chunk) == count


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_changed_batch_is_read_as_the_plain_reader_does_or_is_corrupt(
    data: st.DataObject,
) -> None:
    batch = raw(5, data.draw(given_records({7: CURSOR})))
    place = data.draw(st.integers(0, len(batch.payload) - 1))
    noise = data.draw(st.binary(max_size=3))
    payload = batch.payload[:place] + noise + batch.payload[place + 1 :]
    batch = batch._replace(payload=payload)
    try:
        chunk = RawChunk("t", 0, 0, 1, [batch])
    except CorruptBatch:
        return
    try:
        plain = RecordChunk("t", 0, 0, 1, list(single_records(batch)))
    except UnicodeDecodeError:  # the name of a header: the plain reader is stricter
        return
    asked = ["subject", "updated_at"]
    read = chunk.decode(CURSORS, "ingest_cursor", asked)
    assert read.frame.equals(plain.decode(CURSORS, "ingest_cursor", asked).frame)


def value(subject: str) -> bytes:
    return framed(
        CURSOR, 7, {"agent": "a", "subject": subject, "state": "{}", "updated_at": len(subject)}
    )


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    empty=st.sets(st.integers(0, 29)),
    broken=st.sets(st.integers(0, 29), max_size=3),
    since=st.integers(0, 30),
)
def test_joined_chunks_say_what_each_of_them_says(
    sizes: list[int], empty: set[int], broken: set[int], since: int
) -> None:
    def records(first: int, count: int) -> list[Given]:
        return [
            Given(n, n, b"k", None if first + n in empty else said(first + n), header)
            for n in range(count)
        ]

    def said(number: int) -> bytes:
        return b"?" if number in broken else value("x" * number)

    header, start, chunks = mark_headers(MARKS[0]), 0, list[Chunk]()
    for size in sizes:
        batch = raw(start, records(start, size))
        chunk = RawChunk("t", 2, start, start + size, [batch])
        chunks.append(chunk.since(since) if since < start + size else chunk)
        start += size
    (one,) = joined(chunks)
    apart = [chunk.decode(CURSORS, "ingest_cursor", ["subject", "updated_at"]) for chunk in chunks]
    together = one.decode(CURSORS, "ingest_cursor", ["subject", "updated_at"])
    assert together.frame.rows() == [row for each in apart for row in each.frame.rows()]
    assert together.bad == [fault for each in apart for fault in each.bad]
    assert together.marks == [mark for each in apart for mark in each.marks]
    assert (one.fetch_offset, one.next_offset) == (chunks[0].fetch_offset, start)
    for chunk in chunks:
        for offset in range(chunk.next_offset - len(chunk), chunk.next_offset):
            assert one.record(offset) == chunk.record(offset)


def test_chunks_of_single_records_are_not_joined_and_keep_their_place() -> None:
    chunks = [
        kind
        for n in range(0, 6, 2)
        for kind in both([raw(n, [Given(0, 0, None, value("s"), ())])], n, n + 1)
    ]
    assert [id(chunk) for chunk in joined(chunks)] == [id(chunk) for chunk in chunks]


def test_a_batch_with_more_or_fewer_records_than_it_says_is_corrupt() -> None:
    batch = raw(5, [Given(n, 0, None, value("s"), ()) for n in range(3)])
    for count in (2, 4, 1 << 31):
        with pytest.raises(CorruptBatch, match="batch at 5"):
            RawChunk("t", 0, 0, 9, [batch._replace(records=count)])


def test_a_chunk_of_no_batches_moves_the_position_and_holds_nothing() -> None:
    chunk = RawChunk("t", 0, 5, 7, [])
    read = chunk.decode(CURSORS, "ingest_cursor", ["agent"])
    assert (len(chunk), read.frame.columns, len(read.frame)) == (
        0,
        ["agent", "_offset", "_timestamp_ms"],
        0,
    )


def test_texts_of_any_length_are_whole_though_none_is_copied() -> None:
    subjects = ["é" * (n % 3) + "x" * n for n in range(80)]
    batch = raw(0, [Given(n, 0, None, value(one), ()) for n, one in enumerate(subjects)])
    read = RawChunk("t", 0, 0, 80, [batch, batch._replace(first=70)])
    frame = read.decode(CURSORS, "ingest_cursor", ["subject"]).frame
    assert frame["subject"].to_list() == subjects + subjects[70:]


def test_the_payloads_live_as_long_as_a_text_of_them() -> None:
    batch = raw(0, [Given(n, 0, None, value("x" * 99), ()) for n in range(9)])
    chunk = RawChunk("t", 0, 0, 9, [batch])
    payload = weakref.ref(chunk._data)
    one = chunk.decode(CURSORS, "ingest_cursor", ["subject", "updated_at"]).frame[[3]]
    del chunk
    gc.collect()
    assert payload() is not None
    assert one["subject"].to_list() == ["x" * 99]
    one = one.drop("subject")
    gc.collect()
    assert payload() is None
    assert one["updated_at"].to_list() == [99]
