"""Record batches as a broker's log holds them, and their records read one by one.

The reader is the plain reference: the format's page, byte by byte.
https://kafka.apache.org/documentation/#recordbatch
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from pipeline.codecs.chunk import Record
from pipeline.codecs.raw_batch import RawBatch

TRANSACTIONAL, CONTROL, LOG_APPEND_TIME = 16, 32, 8
HEADER_BYTES = 61
BASE_MS = 1_700_000_000_000


class Given(NamedTuple):
    """A record before it has an offset."""

    delta: int
    later_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def log_batch(
    base: int,
    records: Iterable[Given],
    *,
    last_delta: int,
    codec: int = 0,
    producer_id: int = -1,
    flags: int = 0,
) -> bytes:
    """Return a batch at ``base``; compaction may have left holes before and after its records."""
    records = list(records)
    # What compaction leaves of a producer's last batch is a header that says no compression.
    builder = DefaultRecordBatchBuilder(
        2, codec if records else 0, bool(flags & TRANSACTIONAL), producer_id, 0, 0, 1 << 30
    )
    for each in records:
        builder.append(
            each.delta, BASE_MS + each.later_ms, each.key, each.value, list(each.headers)
        )
    data = bytearray(builder.build())
    (attributes,) = struct.unpack_from(">h", data, 21)
    struct.pack_into(">q", data, 0, base)
    struct.pack_into(">hi", data, 21, attributes | flags, last_delta)
    struct.pack_into(">I", data, 17, calc_crc32c(data[21:]))
    return bytes(data)


def marker(base: int, producer_id: int, *, commits: bool) -> bytes:
    """Return the batch that ends a producer's transaction."""
    key = struct.pack(">hh", 0, int(commits))
    return log_batch(
        base,
        [Given(0, 0, key, struct.pack(">hi", 0, 0), ())],
        last_delta=0,
        producer_id=producer_id,
        flags=TRANSACTIONAL | CONTROL,
    )


def records_of(batch: RawBatch) -> Iterator[Record]:
    """Yield the records that count, read one by one."""
    place = 0
    for _ in range(batch.records):
        length, place = _varint(batch.payload, place)
        end = place + length
        later, place = _varint(batch.payload, place + 1)
        delta, place = _varint(batch.payload, place)
        key, place = _bytes(batch.payload, place)
        value, place = _bytes(batch.payload, place)
        count, place = _varint(batch.payload, place)
        headers = []
        for _ in range(count):
            name, place = _bytes(batch.payload, place)
            said, place = _bytes(batch.payload, place)
            headers.append(((name or b"").decode(), said or b""))
        assert place == end
        offset = batch.base_offset + delta
        if batch.first <= offset < batch.end:
            when = batch.append_time_ms
            timestamp = batch.base_timestamp_ms + later if when is None else when
            yield Record(offset, timestamp, key, value, tuple(headers))
    assert place == len(batch.payload)


def _varint(data: bytes | memoryview, place: int) -> tuple[int, int]:
    found = shift = 0
    while True:
        byte = data[place]
        found |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return (found >> 1) ^ -(found & 1), place


def _bytes(data: bytes | memoryview, place: int) -> tuple[bytes | None, int]:
    length, place = _varint(data, place)
    return (None, place) if length < 0 else (bytes(data[place : place + length]), place + length)
