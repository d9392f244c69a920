"""One transactional producer: blocks and offsets, all or nothing."""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata, RecordMetadata

from pipeline.codecs.record_batch import record_batch_bodies
from pipeline.domain.errors import Fenced
from pipeline.engine.stage import Block, MarkBlock
from pipeline.kafka.broker_errors import broker_errors
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.producer_hooks import ReadyBatch, stop_producer
from pipeline.kafka.ready_batch import record_bodies, single_record

BATCH_BYTES: Final = 900_000
"""Records section before compression; below the broker's default limit of 1 MiB per batch."""

FEW_RECORDS: Final = 24
"""So many are written one by one (4.3 µs each) in the time that columns take for any number."""

STOP_LIMIT_S: Final = 3.0
ABORT_LIMIT_S: Final = 2.0


class GroupOffsets(NamedTuple):
    """Positions of a consumer group: (topic, partition) → (next offset, metadata)."""

    group: str
    positions: Mapping[tuple[str, int], tuple[int, str]]


class Transactions:
    """The producer of one transactional id. Names are without prefix; it adds them.

    ``start`` fences whoever used the id before: from then on their transactions fail. After any
    error of ``send`` the outcome is unknown and the object must be stopped and replaced.
    """

    def __init__(
        self,
        connection: KafkaConnection,
        transactional_id: str,
        *,
        timeout_s: float,
        client_suffix: str = "",
    ) -> None:
        self._connection = connection
        self._id = transactional_id
        self._timeout_s = timeout_s
        self._suffix = client_suffix
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Take the transactional id over. Raises Unavailable, OurMistake."""
        arguments = self._connection.client_arguments()
        arguments["client_id"] += self._suffix
        producer = AIOKafkaProducer(
            **arguments,
            transactional_id=self._connection.named(self._id),
            transaction_timeout_ms=int(self._timeout_s * 1000),
            linger_ms=0,
        )
        try:
            with broker_errors(f"Opening transactions of {self._id}"):
                async with asyncio.timeout(self._timeout_s):
                    await producer.start()
        except BaseException:
            await stop_producer(producer, STOP_LIMIT_S)
            raise
        self._producer = producer

    async def send(
        self, blocks: Sequence[Block | MarkBlock], offsets: GroupOffsets | None = None
    ) -> list[int]:
        """Commit blocks and offsets in one transaction; return each block's first offset.

        An empty block has first offset -1. Raises Fenced, Unavailable, OurMistake; then nothing
        of it may be taken as done or undone.
        """
        if self._producer is None:
            raise Fenced(f"The transactions of {self._id} are closed.")
        try:
            with broker_errors(f"A transaction of {self._id}"):
                async with asyncio.timeout(self._timeout_s):
                    return await self._send(self._producer, blocks, offsets)
        except BaseException:
            await self._abort()
            raise

    async def stop(self) -> None:
        """Close within a few seconds."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await stop_producer(producer, STOP_LIMIT_S)

    async def _send(
        self,
        producer: AIOKafkaProducer,
        blocks: Sequence[Block | MarkBlock],
        offsets: GroupOffsets | None,
    ) -> list[int]:
        await producer.begin_transaction()
        try:
            async with asyncio.TaskGroup() as group:
                lanes = [
                    group.create_task(self._send_lane(producer, lane, blocks))
                    for lane in _lanes(blocks).values()
                ]
                if offsets is not None:
                    group.create_task(self._send_offsets(producer, offsets))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        await producer.commit_transaction()
        firsts = [-1] * len(blocks)
        for lane in lanes:
            for number, first in lane.result():
                firsts[number] = first
        return firsts

    async def _send_lane(
        self, producer: AIOKafkaProducer, lane: list[int], blocks: Sequence[Block | MarkBlock]
    ) -> list[tuple[int, int]]:
        """Send the blocks of one partition in order; the producer holds one batch of it at once."""
        topic = self._connection.named(blocks[lane[0]].topic)
        partition = blocks[lane[0]].partition
        timestamp_ms = time.time_ns() // 1_000_000
        sent: list[tuple[int, asyncio.Future[RecordMetadata]]] = []
        for number in lane:
            for count, body in _bodies(blocks[number]):
                batch = ReadyBatch(count, body, timestamp_ms)
                future = await producer.send_batch(batch, topic, partition=partition)
                future.add_done_callback(_seen)
                sent.append((number, future))
        firsts: dict[int, int] = {}
        for number, future in sent:
            offset = (await future).offset
            if offset < 0:
                # The broker knew the batch from an earlier try, but no longer where it is.
                raise Fenced(f"The offsets of a transaction of {self._id} are unknown.")
            firsts.setdefault(number, offset)
        return list(firsts.items())

    async def _send_offsets(self, producer: AIOKafkaProducer, offsets: GroupOffsets) -> None:
        await producer.send_offsets_to_transaction(
            {
                TopicPartition(self._connection.named(topic), partition): OffsetAndMetadata(*value)
                for (topic, partition), value in offsets.positions.items()
            },
            self._connection.named(offsets.group),
        )

    async def _abort(self) -> None:
        """Try to abort, so that readers need not wait for the transaction's timeout."""
        if self._producer is None:
            return
        try:
            async with asyncio.timeout(ABORT_LIMIT_S):
                await self._producer.abort_transaction()
        except Exception:  # noqa: BLE001, S110 - the next owner's fence aborts it as well
            pass


def _seen(future: "asyncio.Future[RecordMetadata]") -> None:
    """Take note of a failure: of several lanes only the first failure is awaited."""
    if not future.cancelled():
        future.exception()


def _lanes(blocks: Sequence[Block | MarkBlock]) -> dict[tuple[str, int], list[int]]:
    """Group block numbers by partition: order matters within one, not between them."""
    lanes: dict[tuple[str, int], list[int]] = {}
    for number, block in enumerate(blocks):
        lanes.setdefault((block.topic, block.partition), []).append(number)
    return lanes


def _bodies(block: Block | MarkBlock) -> Iterator[tuple[int, bytes | memoryview]]:
    if isinstance(block, MarkBlock):
        yield 1, single_record(block.headers)
    elif block.headers is not None or len(block.values) <= FEW_RECORDS:
        yield from record_bodies(
            block.keys.to_pylist(),
            block.values.to_pylist(),
            block.headers or [()] * len(block.values),
            limit_bytes=BATCH_BYTES,
        )
    else:
        yield from record_batch_bodies(block.keys, block.values, limit_bytes=BATCH_BYTES)
