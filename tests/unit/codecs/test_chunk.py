"""Chunks of single records."""

import pytest
from aiokafka.structs import ConsumerRecord

from pipeline.codecs.chunk import Chunk, Record, RecordChunk
from pipeline.codecs.marks import Mark, StageMark, mark_headers
from tests.support.avro_values import framed, schema_named, schemas_of

SCHEMA = schema_named("ingest_cursor")
SCHEMAS = schemas_of((7, "ingest_cursor", SCHEMA))
MARK = Mark("web_logs", 1_700_000_000_000_000)
STAGE_MARK = StageMark(3, {"web_logs": 5, "live_events": 6}, ("course_audit",), 4)


def value(subject: str) -> bytes:
    record = {"agent": "a", "subject": subject, "state": "{}", "updated_at": 1}
    return framed(SCHEMA, 7, record)


def record(offset: int, said: bytes | None, *headers: tuple[str, bytes]) -> ConsumerRecord:
    """Return a record as aiokafka delivers it."""
    key = None if said is None else b"k"
    return ConsumerRecord("t", 2, offset, 1000 + offset, 0, key, said, None, 1, 1, headers)


def chunk() -> RecordChunk:
    records = [
        record(10, value("ten")),
        record(11, None, *mark_headers(MARK)),
        record(12, None),
        record(15, value("fifteen")[:-1]),
        record(16, None, ("other", b"x"), *mark_headers(STAGE_MARK)),
        record(17, value("seventeen")),
    ]
    return RecordChunk("t", 2, 9, 20, records)


def test_a_chunk_says_rows_bad_records_and_marks_each_with_its_offset() -> None:
    read = chunk().decode(SCHEMAS, "ingest_cursor", ["updated_at", "subject"])
    assert read.frame.columns == ["updated_at", "subject", "_offset", "_timestamp_ms"]
    assert read.frame.rows() == [(1, "ten", 10, 1010), (1, "seventeen", 17, 1017)]
    assert read.marks == [(11, MARK), (16, STAGE_MARK)]
    ((offset, bad),) = read.bad
    assert (offset, bad.location, bad.reason) == (15, "t/2/15", "shape")
    assert bad.error_class == "Unreadable"
    assert bad.payload == value("fifteen")[:-1]


def test_since_leaves_out_records_below_and_keeps_the_end() -> None:
    later: Chunk = chunk().since(12)
    assert (later.fetch_offset, later.next_offset, len(later)) == (12, 20, 4)
    assert later.decode(SCHEMAS, "ingest_cursor", ["subject"]).frame["_offset"].to_list() == [17]
    assert len(chunk().since(0)) == 6
    assert (len(chunk().since(18)), chunk().since(18).fetch_offset) == (0, 18)
    assert (len(chunk().since(99)), chunk().since(99).fetch_offset) == (0, 20)


def test_the_original_record_is_found_by_its_offset() -> None:
    expected = Record(17, 1017, b"k", value("seventeen"), ())
    assert chunk().record(17) == expected
    assert chunk().record(11).headers == mark_headers(MARK)
    for missing in (9, 13, 18):
        with pytest.raises(KeyError):
            chunk().record(missing)


def test_a_chunk_may_hold_nothing_and_still_move_the_position() -> None:
    empty = RecordChunk("t", 0, 5, 7, [])
    read = empty.decode(SCHEMAS, "ingest_cursor", ["agent"])
    assert read.frame.columns == ["agent", "_offset", "_timestamp_ms"]
    assert (len(empty), len(read.frame), read.bad, read.marks) == (0, 0, [], [])
    alone = RecordChunk("t", 0, 5, 7, [record(5, None, *mark_headers(MARK))])
    assert alone.decode(SCHEMAS, "ingest_cursor", ["agent"]).marks == [(5, MARK)]


def test_no_columns_give_the_offsets_alone() -> None:
    read = chunk().decode(SCHEMAS, "ingest_cursor", [])
    assert read.frame.rows() == [(10, 1010), (17, 1017)]


def test_chunks_of_our_own_records_read_like_the_client_s() -> None:
    own = [Record(10, 1010, b"k", value("ten"), ())]
    read = RecordChunk("t", 2, 9, 20, own).decode(SCHEMAS, "ingest_cursor", ["subject"])
    assert read.frame.rows() == [("ten", 10, 1010)]
