"""A Kafka record batch as it came over the wire, decompressed, its records not yet parsed."""

from typing import NamedTuple


class RawBatch(NamedTuple):
    """The records of one batch of format v2 (KIP-98).

    ``payload`` holds ``records`` records: zigzag varint length, attributes, timestamp delta, offset
    delta, key, value, headers. ``append_time_ms`` is the batch's maximum timestamp where the topic
    has log-append time: it then stands for the timestamps of all records; else None.
    Only records with ``first`` ≤ offset < ``end`` count (a fetch may begin inside a batch).

    https://kafka.apache.org/documentation/#recordbatch
    """

    base_offset: int
    base_timestamp_ms: int
    append_time_ms: int | None
    records: int
    payload: bytes | memoryview
    first: int
    end: int
