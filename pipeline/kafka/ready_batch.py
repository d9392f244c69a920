"""Kafka record batches built whole: header, CRC and compression around ready records.

Format: Kafka protocol guide, "Record Batch" (magic 2). Per-record ``send`` calls cost more than
all the rest of a commit, so the records section is built columnar in ``codecs`` and only
wrapped here.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

import cramjam

from pipeline.kafka.checksum import checksum

Headers = Sequence[tuple[str, bytes]]

HEADER_BYTES: Final = 61
_LZ4: Final = 3
_TRANSACTIONAL: Final = 16
_AFTER_CRC: Final = struct.Struct(">hiqqqhii")
_BEFORE: Final = struct.Struct(">qiibI")


def record_batch(
    count: int,
    body: bytes | memoryview,
    *,
    timestamp_ms: int,
    producer: tuple[int, int, int],
    transactional: bool = True,
) -> bytes:
    """Return one batch: ``count`` records whose section is ``body``, lz4 where it is smaller.

    ``producer`` is (producer id, epoch, base sequence). Deltas of offsets in ``body`` run from 0,
    deltas of timestamps are 0.
    """
    packed = _lz4(body)
    attributes = _TRANSACTIONAL if transactional else 0
    if len(packed) < len(body):
        attributes |= _LZ4
    else:
        packed = bytes(body)
    rest = b"".join(
        (
            _AFTER_CRC.pack(attributes, count - 1, timestamp_ms, timestamp_ms, *producer, count),
            packed,
        )
    )
    # Base offset 0 and leader epoch -1 are the broker's to fill; length counts from the epoch on.
    return _BEFORE.pack(0, len(rest) + 9, -1, 2, checksum(rest)) + rest


def single_record(headers: Headers) -> bytes:
    """Return the records section of one record with null key, null value and these headers."""
    return _record(0, None, None, headers)


def record_bodies(
    keys: Sequence[bytes | None],
    values: Sequence[bytes | None],
    headers: Sequence[Headers],
    *,
    limit_bytes: int,
) -> Iterator[tuple[int, bytes]]:
    """Yield (number of records, their bytes) of batches of at most ``limit_bytes``.

    Record by record, for the few that have headers; ``record_batch_bodies`` is for the others.
    """
    parts: list[bytes] = []
    size = 0
    for key, value, said in zip(keys, values, headers, strict=True):
        record = _record(len(parts), key, value, said)
        if parts and size + len(record) > limit_bytes:
            yield len(parts), b"".join(parts)
            parts, size = [], 0
            record = _record(0, key, value, said)
        parts.append(record)
        size += len(record)
    if parts:
        yield len(parts), b"".join(parts)


def _record(offset_delta: int, key: bytes | None, value: bytes | None, headers: Headers) -> bytes:
    parts = [b"\x00", _varint(0), _varint(offset_delta), *_sized(key), *_sized(value)]
    parts.append(_varint(len(headers)))
    for name, said in headers:
        parts += [*_sized(name.encode()), *_sized(said)]
    record = b"".join(parts)
    return _varint(len(record)) + record


def _sized(value: bytes | None) -> tuple[bytes, bytes]:
    return (_varint(-1), b"") if value is None else (_varint(len(value)), value)


def _varint(value: int) -> bytes:
    """Return a zigzag varint."""
    rest = (value << 1) ^ (value >> 63)
    out = bytearray()
    while rest > 0x7F:
        out.append((rest & 0x7F) | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def _lz4(body: bytes | memoryview) -> bytes:
    """Compress at level 1; aiokafka's own encoder uses level 9, eight times slower.

    Kafka reads independent blocks only, without a content checksum (KIP-57).
    """
    encoder = cramjam.lz4.Compressor(level=1, content_checksum=False, block_linked=False)
    encoder.compress(bytes(body))
    return bytes(encoder.finish())
