"""Batches built whole are what Kafka clients read."""

from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from pipeline.kafka.ready_batch import HEADER_BYTES, record_batch, single_record

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
