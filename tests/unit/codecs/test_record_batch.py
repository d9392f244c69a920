"""Batch bodies are what aiokafka's builder makes of the same records."""

import pyarrow as pa
import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.record_batch import record_batch_bodies

HEADER_BYTES = 61
BYTES = st.binary(max_size=200)


def built(records: list[tuple[bytes | None, bytes | None]]) -> bytes:
    """Return the records section of one batch of aiokafka's."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 30)
    for offset, (key, value) in enumerate(records):
        assert builder.append(offset, 0, key, value, []) is not None
    return bytes(builder.build())[HEADER_BYTES:] if records else b""


def bodies(
    records: list[tuple[bytes | None, bytes | None]], limit_bytes: int
) -> list[tuple[int, bytes]]:
    keys = pa.array([key for key, _ in records], pa.binary())
    values = pa.array([value for _, value in records], pa.binary())
    found = record_batch_bodies(keys, values, limit_bytes=limit_bytes)
    return [(count, bytes(body)) for count, body in found]


@given(
    st.lists(st.tuples(st.none() | BYTES, st.none() | BYTES), max_size=30),
    st.integers(1, 2000),
)
@settings(deadline=None)
def test_bodies_equal_aiokafka_s_and_keep_the_limit(
    records: list[tuple[bytes | None, bytes | None]], limit_bytes: int
) -> None:
    at = 0
    for count, body in bodies(records, limit_bytes):
        assert body == built(records[at : at + count])
        assert len(body) <= limit_bytes or count == 1
        at += count
    assert at == len(records)


@pytest.mark.parametrize("count", [64, 65, 8192, 8193, 20_000])
def test_offset_deltas_of_any_length_are_right(count: int) -> None:
    records: list[tuple[bytes | None, bytes | None]] = [(b"k", b"v%d" % n) for n in range(count)]
    ((found, body),) = bodies(records, 1 << 30)
    assert (found, body) == (count, built(records))


def test_without_keys_every_key_is_null() -> None:
    values = pa.array([b"a", b"b"], pa.binary())
    ((count, body),) = record_batch_bodies(None, values, limit_bytes=1000)
    assert (count, bytes(body)) == (2, built([(None, b"a"), (None, b"b")]))


def test_slices_of_arrays_are_taken_as_they_are() -> None:
    values = pa.array([b"a", b"b", None, b"d"], pa.binary())[1:]
    ((_, body),) = record_batch_bodies(values, values, limit_bytes=1000)
    assert bytes(body) == built([(b"b", b"b"), (None, None), (b"d", b"d")])
