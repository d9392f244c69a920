"""One partition of a real broker's log, read in three ways that must agree.

``by_batches``, as a worker reads; ``by_parser``, where every batch is one that cannot be unfolded
here; and ``getmany`` of a plain consumer, which is what the other two must equal.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.protocol.fetch import FetchRequest

from pipeline.codecs.batch_compression import Decompressor, UnknownCodec
from pipeline.codecs.batch_reader import BatchView, batch_at, batch_end
from pipeline.codecs.chunk import Chunk, Record, RecordChunk
from pipeline.codecs.raw_chunk import RawChunk
from pipeline.kafka.clients import admin_client
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.ranges import fetch_range, read_range
from pipeline.kafka.raw_fetch import RawFetch
from tests.support.waiting import until

TOPIC = "log.v1"
CODECS = (None, "gzip", "snappy", "lz4", "zstd")


class KnowsNoCodec(Decompressor):
    """Leaves every batch to aiokafka's parser."""

    def unfold(self, codec: int, body: memoryview) -> bytes:
        raise UnknownCodec(f"compression {codec}, {len(body)} bytes")


def by_batches() -> RawFetch:
    return RawFetch(chunk_records=50)


def by_parser() -> RawFetch:
    fetch = RawFetch(chunk_records=50)
    fetch.decompressor = KnowsNoCodec()
    return fetch


class Log(NamedTuple):
    """One partition of one topic."""

    connection: KafkaConnection

    @property
    def tp(self) -> TopicPartition:
        return TopicPartition(self.connection.named(TOPIC), 0)

    async def create(self, **config: str) -> None:
        # Rows of any day stay: the broker's own clock decides what is past the retention.
        configs = {"retention.ms": "-1"} | {n.replace("_", "."): v for n, v in config.items()}
        async with admin_client(self.connection) as admin:
            await admin.create_topics(
                [
                    NewTopic(
                        self.tp.topic, num_partitions=1, replication_factor=1, topic_configs=configs
                    )
                ]
            )

    @asynccontextmanager
    async def producer(self, **arguments: object) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            **self.connection.client_arguments(), linger_ms=0, max_batch_size=1 << 19, **arguments
        )
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def send(self, producer: AIOKafkaProducer, records: Sequence[Record]) -> None:
        """Send one batch; the records' offsets do not count."""
        batch = producer.create_batch()
        for each in records:
            said = batch.append(
                key=each.key,
                value=each.value,
                timestamp=each.timestamp_ms,
                headers=list(each.headers),
            )
            assert said is not None
        batch.close()
        await (await producer.send_batch(batch, self.tp.topic, partition=0))

    @asynccontextmanager
    async def consumer(
        self, fetch: RawFetch | None, *, fetch_bytes: int = 1 << 20, committed: bool = True
    ) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            **self.connection.client_arguments(),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed" if committed else "read_uncommitted",
            max_partition_fetch_bytes=fetch_bytes,
            fetch_max_wait_ms=50,
            key_deserializer=fetch,
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def as_served(self, consumer: AIOKafkaConsumer, offset: int, limit: int) -> memoryview:
        """Return the bytes that the broker answers one fetch with."""
        partitions = [(self.tp.topic, [(0, offset, limit)])]
        client = consumer._client
        node = client.cluster.leader_for_partition(self.tp)
        answer = await client.send(node, FetchRequest(100, 1, 1 << 26, 1, partitions))
        ((_, ((*_, data),)),) = answer.topics
        return memoryview(data)

    async def chunks(
        self, consumer: AIOKafkaConsumer, start: int = 0, end: int | None = None
    ) -> list[Chunk]:
        found = read_range(consumer, self.connection, TOPIC, 0, start=start, end=end)
        return [chunk async for chunk in found]

    async def plain(
        self, consumer: AIOKafkaConsumer, start: int = 0, end: int | None = None
    ) -> list[Record]:
        """Return what aiokafka gives."""
        return [
            Record(
                each.offset,
                each.timestamp,
                each.key,
                each.value,
                tuple((name, bytes(said or b"")) for name, said in each.headers),
            )
            async for fetch in fetch_range(
                consumer, self.connection, TOPIC, 0, start=start, end=end
            )
            for each in fetch.records
        ]


def rows_of(chunks: Sequence[Chunk]) -> list[Record]:
    """Return the records; the chunks join, and each says how many it has."""
    rows: list[Record] = []
    for number, chunk in enumerate(chunks):
        if number:
            assert chunk.fetch_offset == chunks[number - 1].next_offset
        here = []
        for offset in range(chunk.fetch_offset, chunk.next_offset):
            try:
                here.append(chunk.record(offset))
            except KeyError:
                continue
        assert len(here) == len(chunk)
        rows += here
    return rows


async def all_ways_agree(
    log: Log, starts: Sequence[int] = (0,), *, fetch_bytes: int = 1 << 20, committed: bool = True
) -> list[Record]:
    """Read to the end in all three ways; return the rows from the first start on."""
    async with (
        log.consumer(by_batches(), fetch_bytes=fetch_bytes, committed=committed) as batches,
        log.consumer(by_parser(), fetch_bytes=fetch_bytes, committed=committed) as parsed,
        log.consumer(None, fetch_bytes=fetch_bytes, committed=committed) as plain,
    ):
        first: list[Record] | None = None
        for start in starts:
            expected = await log.plain(plain, start)
            raw = await log.chunks(batches, start)
            slow = await log.chunks(parsed, start)
            assert rows_of(raw) == rows_of(slow) == expected
            assert all(isinstance(chunk, RawChunk) for chunk in raw)
            assert all(isinstance(chunk, RecordChunk) for chunk in slow if len(chunk))
            assert [chunks[-1].next_offset for chunks in (raw, slow) if chunks] == [
                await batches.position(log.tp)
            ] * sum(map(bool, (raw, slow)))
            first = expected if first is None else first
    assert first is not None
    return first


def views(data: memoryview) -> tuple[list[BatchView], int]:
    """Return the whole batches of an answer, and how many bytes of a cut one follow."""
    found, place = [], 0
    while (end := batch_end(data, place)) is not None:
        found.append(batch_at(data[place:end], None))
        place = end
    return found, len(data) - place


def records(count: int, *, size: int = 20, at_ms: int = 1_700_000_000_000) -> list[Record]:
    return [
        Record(0, at_ms + number * 7, b"key %d" % number, b"%d " % number * size, ())
        for number in range(count)
    ]


def said(rows: Sequence[Record]) -> list[Record]:
    """Return the records without their places."""
    return [row._replace(offset=0) for row in rows]


async def until_stable(log: Log) -> int:
    """Wait until no transaction holds the end back; return it."""
    async with log.consumer(None) as committed, log.consumer(None, committed=False) as all_of_it:
        ends: list[int] = []

        async def stable() -> bool:
            ends[:] = [
                (await each.end_offsets([log.tp]))[log.tp] for each in (committed, all_of_it)
            ]
            return ends[0] == ends[1]

        await until(stable)
    return ends[0]


async def every_start_agrees(log: Log, rows: Sequence[Record], end: int) -> None:
    async with log.consumer(by_batches(), fetch_bytes=4000) as consumer:
        for start in range(end):
            chunks = await log.chunks(consumer, start)
            assert rows_of(chunks) == [row for row in rows if row.offset >= start]
            assert chunks[-1].next_offset == end
