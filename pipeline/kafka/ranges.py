"""Reading a range of a partition from beginning to end, chunk by chunk."""

import time
from collections.abc import AsyncIterator
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from pipeline.codecs.chunk import RecordChunk
from pipeline.domain.errors import Unavailable
from pipeline.kafka.broker_errors import broker_errors
from pipeline.kafka.connection import KafkaConnection

CHUNK_RECORDS: Final = 20_000
SILENCE_LIMIT_S: Final = 60.0
"""A range up to the last stable offset is there; a broker silent for so long is down."""

_POLL_MS: Final = 30
"""``getmany`` does not return for markers alone, and nearly every range ends with one."""


class Fetch(NamedTuple):
    """Records of one fetch and the positions it went from and to."""

    records: list[ConsumerRecord[bytes, bytes]]
    start: int
    next: int


async def read_range(
    consumer: AIOKafkaConsumer,
    connection: KafkaConnection,
    topic: str,
    partition: int,
    *,
    start: int = 0,
    end: int | None = None,
) -> AsyncIterator[RecordChunk]:
    """Yield [start, end) as chunks; see ``fetch_range``."""
    async for fetch in fetch_range(consumer, connection, topic, partition, start=start, end=end):
        yield RecordChunk(topic, partition, fetch.start, fetch.next, fetch.records)


async def fetch_range(
    consumer: AIOKafkaConsumer,
    connection: KafkaConnection,
    topic: str,
    partition: int,
    *,
    start: int = 0,
    end: int | None = None,
) -> AsyncIterator[Fetch]:
    """Yield the records of [start, end) as read_committed shows them; end None: all there is now.

    A start before the log's start begins at the log's start. Raises Unavailable.
    """
    tp = TopicPartition(connection.named(topic), partition)
    position = max(start, 0)
    with broker_errors(f"Reading {topic} {partition}"):
        consumer.assign([tp])
        stable = (await consumer.end_offsets([tp]))[tp]
        stop = stable if end is None else min(end, stable)
        consumer.seek(tp, position)
        heard = time.monotonic()
        while position < stop:
            fetched = await consumer.getmany(tp, timeout_ms=_POLL_MS, max_records=CHUNK_RECORDS)
            after = await consumer.position(tp)
            if after == position:
                if time.monotonic() - heard > SILENCE_LIMIT_S:
                    raise Unavailable(f"Reading {topic} {partition} stopped at {position}.")
                continue
            heard = time.monotonic()
            records = fetched.get(tp, [])
            if after > stop:
                records = [record for record in records if record.offset < stop]
            yield Fetch(records, position, min(after, stop))
            position = after
