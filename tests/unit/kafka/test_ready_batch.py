"""Batches built whole are what Kafka clients read."""

import pyarrow as pa
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.record_batch import record_batch_bodies
from pipeline.kafka.ready_batch import HEADER_BYTES, record_batch, record_bodies, single_record

HEADERS = st.lists(st.tuples(st.text(max_size=200), st.binary(max_size=300)), max_size=5)


@given(headers=HEADERS, repeat=st.integers(1, 50))
def test_a_single_record_has_its_headers_and_neither_key_nor_value(
    headers: list[tuple[str, bytes]], repeat: int
) -> None:
    headers = headers * repeat
    batch = record_batch(
        1, single_record(headers), timestamp_ms=1_700_000_000_000, producer=(7, 3, 11)
    )
    records = MemoryRecords(batch)
    assert records.has_next()
    read = records.next_batch()
    assert read is not None
    assert read.validate_crc()
    assert (read.is_transactional, read.is_control_batch, read.producer_id) == (True, False, 7)
    (record,) = list(read)
    assert (record.key, record.value, record.offset) == (None, None, 0)
    assert list(record.headers) == headers
    assert record.timestamp == 1_700_000_000_000
    assert not records.has_next()


def test_a_batch_is_compressed_only_where_that_makes_it_smaller() -> None:
    small = single_record(())
    large = single_record((("again", b"and again " * 1000),))
    assert len(record_batch(1, small, timestamp_ms=0, producer=(1, 0, 0))) == HEADER_BYTES + len(
        small
    )
    assert len(record_batch(1, large, timestamp_ms=0, producer=(1, 0, 0))) < len(large) // 10


RECORDS = st.lists(
    st.tuples(
        st.none() | st.binary(max_size=40),
        st.none() | st.binary(max_size=300),
        st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=30)), max_size=3),
    ),
    max_size=30,
)


@given(RECORDS, st.integers(1, 2000))
def test_records_with_headers_are_what_was_given_in_batches_of_the_limit(
    given: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]], limit: int
) -> None:
    keys, values, headers = zip(*given, strict=True) if given else ((), (), ())
    read = []
    for count, body in record_bodies(keys, values, headers, limit_bytes=limit):
        assert len(body) <= limit or count == 1
        batch = record_batch(count, body, timestamp_ms=5, producer=(7, 3, 11))
        found = MemoryRecords(batch).next_batch()
        assert found is not None
        assert found.validate_crc()
        records = list(found)
        assert [record.offset for record in records] == list(range(count))
        read += [(record.key, record.value, list(record.headers)) for record in records]
    assert read == given


@given(st.lists(st.tuples(st.none() | st.binary(max_size=40), st.none() | st.binary(max_size=300))))
def test_records_without_headers_are_the_same_bytes_one_by_one_and_by_columns(
    given: list[tuple[bytes | None, bytes | None]],
) -> None:
    keys, values = [key for key, _ in given], [value for _, value in given]
    columns = record_batch_bodies(
        pa.array(keys, pa.binary()), pa.array(values, pa.binary()), limit_bytes=1 << 20
    )
    one_by_one = record_bodies(keys, values, [()] * len(given), limit_bytes=1 << 20)
    assert [(count, bytes(body)) for count, body in columns] == list(one_by_one)
