"""Record batches as they lie in a fetch response (message format v2, KIP-98).

https://kafka.apache.org/documentation/#recordbatch. A response is batches one after the other;
the last one may be cut at the size limit of the fetch. All formats have the length and the magic
byte at the same places, so batches of the old formats (v0, v1) are recognised, not read.
"""

import struct
from collections.abc import Callable
from typing import Final, NamedTuple

HEADER_BYTES: Final = 61

_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
_LENGTH_AND_MAGIC: Final = struct.Struct(">8xi4xb")
_RECORDS: Final = struct.Struct(">57xi")
_LOG_OVERHEAD: Final = 12
_MAGIC: Final = 2
_CRC_FROM: Final = 21
"""The checksum covers everything from the attributes on."""

_CODEC: Final = 0x07
_LOG_APPEND_TIME: Final = 0x08
_TRANSACTIONAL: Final = 0x10
_CONTROL: Final = 0x20
_ABORT: Final = 0
"""Type of the control record that ends a transaction without effect."""

Checksum = Callable[[memoryview | bytes], int]
"""CRC-32C (Castagnoli)."""


class CorruptBatch(ValueError):
    """The bytes are not what was written, or not a batch."""


class OldFormat(ValueError):
    """A batch of message format v0 or v1; only a client's own parser reads it."""


class BatchView(NamedTuple):
    """One batch as it lies in a response: what its header says, and all its bytes.

    ``max_timestamp_ms`` is the time of the append where the topic has log-append time.
    """

    base_offset: int
    next_offset: int
    attributes: int
    base_timestamp_ms: int
    max_timestamp_ms: int
    producer_id: int
    records: int
    whole: memoryview

    @property
    def body(self) -> memoryview:
        """Return its records, compressed or not."""
        return self.whole[HEADER_BYTES:]

    @property
    def codec(self) -> int:
        """Return the number of the compression: 0 is none."""
        return self.attributes & _CODEC

    @property
    def log_append_time(self) -> bool:
        """Return whether the broker's time stands for the records' own."""
        return bool(self.attributes & _LOG_APPEND_TIME)

    @property
    def transactional(self) -> bool:
        """Return whether it is part of a transaction."""
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def control(self) -> bool:
        """Return whether it holds a transaction's marker and no records."""
        return bool(self.attributes & _CONTROL)

    @property
    def aborts(self) -> bool:
        """Return whether it is the marker that aborts its producer's transaction.

        A marker that compaction emptied ends nothing, as in Java's client. Raises CorruptBatch.
        """
        if not self.control or not self.records:
            return False
        body = self.body
        try:
            # Length, then one byte of attributes, deltas of time and offset, length of the key.
            place = _after_varint(body, 0) + 1
            for _ in range(3):
                place = _after_varint(body, place)
            _version, kind = struct.unpack_from(">hh", body, place)
        except (IndexError, struct.error) as error:
            raise CorruptBatch("a control record without a type") from error
        return bool(kind == _ABORT)


def batch_end(data: memoryview, start: int) -> int | None:
    """Return where the batch at ``start``, of any format, ends; None if it is cut or nothing."""
    if len(data) - start < _LENGTH_AND_MAGIC.size:
        return None
    length, _ = _LENGTH_AND_MAGIC.unpack_from(data, start)
    end = start + _LOG_OVERHEAD + int(length)
    return end if length >= 0 and end <= len(data) else None


def bytes_of_records(data: memoryview, start: int, most_records: int) -> int:
    """Return how many bytes the batches have that begin with the one at ``start``.

    As many of them as hold ``most_records``, by their headers, which nobody has checked.
    """
    place, records = start, 0
    while records < most_records and (end := batch_end(data, place)) is not None:
        if end - place >= HEADER_BYTES:
            records += max(int(_RECORDS.unpack_from(data, place)[0]), 0)
        place = end
    return place - start


def batch_at(whole: memoryview, checksum: Checksum | None) -> BatchView:
    """Return the batch of these bytes.

    ``checksum`` None checks nothing. Raises OldFormat, CorruptBatch.
    """
    _, magic = _LENGTH_AND_MAGIC.unpack_from(whole)
    if magic < _MAGIC:
        raise OldFormat(f"message format v{magic}")
    if len(whole) < HEADER_BYTES:
        raise CorruptBatch(f"a batch of {len(whole)} bytes")
    (base, _, _, _, crc, attributes, last, first_ms, max_ms, producer, _, _, records) = (
        _HEADER.unpack_from(whole)
    )
    if checksum is not None and checksum(whole[_CRC_FROM:]) != crc:
        raise CorruptBatch("the checksum differs")
    return BatchView(base, base + last + 1, attributes, first_ms, max_ms, producer, records, whole)


def _after_varint(data: memoryview, place: int) -> int:
    while data[place] & 0x80:
        place += 1
    return place + 1
