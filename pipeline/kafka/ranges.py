"""Reading a range of a partition from beginning to end, chunk by chunk."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from pipeline.codecs.chunk import Chunk
from pipeline.domain.errors import Unavailable
from pipeline.kafka.broker_errors import broker_errors
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.raw_fetch import NOTHING, Taken, chunk_of

FETCH_RECORDS: Final = 20_000
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
    silence_s: float = SILENCE_LIMIT_S,
) -> AsyncGenerator[Chunk, None]:
    """Yield [start, end) as read_committed shows it; end None: all that is stable now.

    A start before the log's start begins at the log's start. An end behind the last stable offset
    is waited for: open transactions end. ``silence_s``: how long the brokers may give nothing. The
    consumer is one of ``clients.reader``. Raises Unavailable, OurMistake.
    """
    tp = TopicPartition(connection.named(topic), partition)
    async for got, before, after in _fetches(consumer, tp, topic, start, end, silence_s=silence_s):
        taken: Taken = got[0] if got else NOTHING
        yield chunk_of(topic, partition, before, after, taken.below(after))


async def fetch_range(
    consumer: AIOKafkaConsumer,
    connection: KafkaConnection,
    topic: str,
    partition: int,
    *,
    start: int = 0,
    end: int | None = None,
) -> AsyncIterator[Fetch]:
    """Yield the same as single records; the consumer is one with ``raw`` False."""
    tp = TopicPartition(connection.named(topic), partition)
    async for got, before, after in _fetches(consumer, tp, topic, start, end):
        yield Fetch([record for record in got if record.offset < after], before, after)


async def _fetches(
    consumer: AIOKafkaConsumer,
    tp: TopicPartition,
    topic: str,
    start: int,
    end: int | None,
    *,
    silence_s: float = SILENCE_LIMIT_S,
) -> AsyncIterator[tuple[list[Any], int, int]]:
    """Yield what each fetch gave, and the positions it went from and to, the last one cut."""
    position = max(start, 0)
    with broker_errors(f"Reading {topic} {tp.partition}"):
        consumer.assign([tp])
        stop = (await consumer.end_offsets([tp]))[tp] if end is None else end
        consumer.seek(tp, position)
        heard = time.monotonic()
        while position < stop:
            # A position that the brokers must be asked for has no limit of its own.
            async with asyncio.timeout(silence_s):
                fetched = await consumer.getmany(tp, timeout_ms=_POLL_MS, max_records=FETCH_RECORDS)
                after = await consumer.position(tp)
            if after == position:
                if time.monotonic() - heard > silence_s:
                    raise Unavailable(f"Reading {topic} {tp.partition} stopped at {position}.")
                continue
            yield fetched.get(tp, []), position, min(after, stop)
            position = after
            # After the yield: what the reader takes for itself is no silence.
            heard = time.monotonic()
