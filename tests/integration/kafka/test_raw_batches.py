"""What the broker's log holds reads the same by whole batches, record by record, and by aiokafka.

Three ways: ``batches``, as a worker reads; ``parsed``, where every batch is one that cannot be
unfolded here; and ``getmany`` of a plain consumer, which is what the other two must equal.
"""

import asyncio
import random
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.protocol.fetch import FetchRequest

from pipeline.codecs.batch_compression import Decompressor, UnknownCodec
from pipeline.codecs.batch_reader import BatchView, batch_at, batch_end
from pipeline.codecs.chunk import Chunk, Record, RecordChunk
from pipeline.codecs.raw_chunk import RawChunk
from pipeline.domain.errors import OurMistake
from pipeline.kafka.clients import admin_client
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.ranges import fetch_range, read_range
from pipeline.kafka.raw_fetch import RawFetch
from tests.support.avro_values import framed, schema_named, schemas_of
from tests.support.waiting import until

pytestmark = pytest.mark.stack

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
        configs = {name.replace("_", "."): value for name, value in config.items()}
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


@pytest.fixture
def log(connection: KafkaConnection) -> Log:
    return Log(connection)


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


async def test_every_compression_codec_reads_the_same(log: Log) -> None:
    await log.create()
    sent: list[Record] = []
    for codec in CODECS:
        async with log.producer(compression_type=codec) as producer:
            for count in (1, 3, 120):
                batch = records(count)
                await log.send(producer, batch)
                sent += batch
    assert said(await all_ways_agree(log, (0, 1, 2, 5, 60, 400))) == sent


async def test_headers_and_null_keys_and_values_read_the_same(log: Log) -> None:
    await log.create()
    made = random.Random(7)
    sent = [
        Record(
            0,
            1_700_000_000_000 + made.randrange(-500, 500),
            made.choice((None, b"", b"k" * made.randrange(300))),
            made.choice((None, b"", b"v" * made.randrange(20_000))),
            tuple(
                (made.choice(("", "watermark", "größe")), b"h" * made.randrange(200))
                for _ in range(made.randrange(4))
            ),
        )
        for _ in range(200)
    ]
    async with log.producer(compression_type="lz4") as producer:
        for start in range(0, 200, 20):
            await log.send(producer, sent[start : start + 20])
    assert said(await all_ways_agree(log, (0, 37))) == sent


async def test_interleaved_and_aborted_transactions_read_the_same_from_every_start(
    log: Log,
) -> None:
    """Three transactional producers and a plain one, half of the transactions aborted."""
    await log.create()
    made = random.Random(3)
    kept, held = 0, [0, 0, 0]
    async with (
        log.producer(transactional_id=f"{log.connection.prefix}0", compression_type="lz4") as first,
        log.producer(transactional_id=f"{log.connection.prefix}1") as second,
        log.producer(
            transactional_id=f"{log.connection.prefix}2", compression_type="zstd"
        ) as third,
        log.producer() as plain,
    ):
        producers = (first, second, third, plain)
        for _ in range(150):
            number = made.randrange(4)
            producer, count = producers[number], made.randrange(1, 5)
            if number == 3:
                await log.send(producer, records(count))
                kept += count
                continue
            if not held[number]:
                await producer.begin_transaction()
            await log.send(producer, records(count))
            held[number] += count
            if made.random() < 0.4:
                if made.random() < 0.5:
                    await producer.abort_transaction()
                else:
                    await producer.commit_transaction()
                    kept += held[number]
                held[number] = 0
        for number, count in enumerate(held):
            if count:
                await producers[number].commit_transaction()
                kept += count
        await log.send(plain, records(1))
    end = await until_stable(log)
    rows = await all_ways_agree(log)
    assert len(rows) == kept + 1
    await every_start_agrees(log, rows, end)
    assert len(await all_ways_agree(log, committed=False)) > kept + 1


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


async def test_a_range_ends_where_it_is_told_even_inside_a_batch(log: Log) -> None:
    await log.create()
    async with log.producer(compression_type="lz4") as producer:
        await log.send(producer, records(30))
        await log.send(producer, records(30))
    async with log.consumer(by_batches()) as batches, log.consumer(by_parser()) as parsed:
        for start, end in ((0, 17), (5, 6), (12, 43), (31, 60), (29, 31)):
            for consumer in (batches, parsed):
                chunks = await log.chunks(consumer, start, end)
                assert [row.offset for row in rows_of(chunks)] == list(range(start, end))
                assert (chunks[0].fetch_offset, chunks[-1].next_offset) == (start, end)


@pytest.mark.parametrize("fetch_bytes", [1, 1500, 5000])
async def test_batches_cut_at_the_fetch_limit_and_larger_ones_read_the_same(
    log: Log, fetch_bytes: int
) -> None:
    await log.create()
    async with log.producer() as producer:
        for count in (8, 8, 8, 200, 8, 8, 1):
            await log.send(producer, records(count, size=30))
    async with log.consumer(by_batches()) as consumer:
        await log.chunks(consumer)
        whole, cut = views(await log.as_served(consumer, 0, fetch_bytes))
        large, _ = views(await log.as_served(consumer, 24, fetch_bytes))
    assert (len(whole), cut > 0) == {1: (1, False), 1500: (2, True), 5000: (3, True)}[fetch_bytes]
    assert [(view.records, len(view.whole) > fetch_bytes) for view in large] == [(200, True)]
    assert len(await all_ways_agree(log, (0, 9, 100), fetch_bytes=fetch_bytes)) == 241


async def test_log_append_time_stands_for_the_times_of_all_records(log: Log) -> None:
    await log.create(message_timestamp_type="LogAppendTime")
    async with log.producer(compression_type="zstd") as producer:
        await log.send(producer, records(40))
        await asyncio.sleep(0.01)
        await log.send(producer, records(40))
    times = [row.timestamp_ms for row in await all_ways_agree(log, (0, 13))]
    assert min(times) > 1_700_000_000_000 + 40 * 7
    assert len(set(times)) == 2


async def test_an_idempotent_producer_without_transactions_reads_the_same(log: Log) -> None:
    await log.create()
    async with (
        log.producer(enable_idempotence=True, compression_type="snappy") as producer,
        log.producer(transactional_id=log.connection.prefix) as transactional,
    ):
        await transactional.begin_transaction()
        await log.send(transactional, records(2))
        for _ in range(5):
            await log.send(producer, records(9))
        await transactional.abort_transaction()
        await log.send(producer, records(9))
    await until_stable(log)
    assert said(await all_ways_agree(log, range(0, 59, 5))) == records(9) * 6


async def test_a_schema_id_that_changes_inside_a_batch_reads_the_same(log: Log) -> None:
    await log.create()
    schema = schema_named("ingest_cursor")
    schemas = schemas_of((7, "ingest_cursor", schema), (9, "ingest_cursor", schema))
    values = [
        framed(
            schema,
            9 if number % 3 else 7,
            {"agent": "a", "subject": f"s{number}", "state": "{}", "updated_at": number},
        )
        for number in range(30)
    ]
    values[11] = struct.pack(">bi", 0, 12345) + b"of a schema nobody knows"
    async with log.producer(compression_type="lz4") as producer:
        await log.send(producer, [Record(0, 1_700_000_000_000, b"k", each, ()) for each in values])
    async with log.consumer(by_batches()) as batches, log.consumer(by_parser()) as parsed:
        (raw,), (slow,) = await log.chunks(batches), await log.chunks(parsed)
    assert isinstance(raw, RawChunk)
    assert isinstance(slow, RecordChunk)
    columns = ["subject", "updated_at"]
    ours, theirs = (each.decode(schemas, "ingest_cursor", columns) for each in (raw, slow))
    assert ours.frame.rows() == theirs.frame.rows()
    assert [row[:2] for row in ours.frame.rows()] == [(f"s{n}", n) for n in range(30) if n != 11]
    assert ours.bad == theirs.bad
    assert [offset for offset, _ in ours.bad] == [11]


async def test_a_compacted_topic_with_holes_and_emptied_batches_reads_the_same(log: Log) -> None:
    """Compaction leaves fewer records than offsets, and the empty last batch of a producer."""
    await log.create(
        cleanup_policy="compact",
        min_cleanable_dirty_ratio="0.001",
        segment_ms="100",
        delete_retention_ms="0",
        min_compaction_lag_ms="0",
    )
    keyed = [
        Record(0, 1_700_000_000_000, b"k%d" % (number % 40), b"%d" % number, ())
        for number in range(100)
    ]
    async with (
        log.producer(enable_idempotence=True) as once,
        log.producer(compression_type="lz4") as again,
        log.producer(transactional_id=log.connection.prefix) as transactional,
    ):
        await log.send(once, keyed[:10])
        for start in range(0, 100, 25):
            await log.send(again, keyed[start : start + 25])
        await transactional.begin_transaction()
        await log.send(transactional, keyed[:3])
        await transactional.abort_transaction()
        await until_stable(log)
        await rolled_and_compacted(log, again)
    async with log.consumer(by_batches()) as consumer:
        await log.chunks(consumer)
        found, _ = views(await log.as_served(consumer, 0, 1 << 20))
    assert any(not view.records and not view.control for view in found)
    assert any(0 < view.records < view.next_offset - view.base_offset for view in found)
    rows = await all_ways_agree(log, range(0, 115, 7))
    latest = {row.key: row.value for row in rows}
    assert latest == {each.key: each.value for each in keyed[60:]} | {b"roll": latest[b"roll"]}


async def rolled_and_compacted(log: Log, producer: AIOKafkaProducer) -> None:
    """Write until a record behind has made the broker close the segment and compact it."""
    async with log.consumer(None) as consumer:
        for number in range(60):
            await asyncio.sleep(1.0)
            await log.send(
                producer, [Record(0, 1_700_000_100_000 + number, b"roll", b"%d" % number, ())]
            )
            rows = await log.plain(consumer)
            if len([row for row in rows if row.key != b"roll"]) == 40:
                return
    pytest.fail("the broker did not compact in a minute")


async def test_a_batch_that_unfolds_beyond_the_limit_is_our_mistake_with_its_place(
    log: Log,
) -> None:
    await log.create()
    async with log.producer(compression_type="zstd") as producer:
        await log.send(producer, records(3))
        await log.send(producer, [Record(0, 1_700_000_000_000, None, bytes(16_000), ())])
    fetch = RawFetch(batch_bytes=10_000)
    async with log.consumer(fetch) as consumer:
        with pytest.raises(
            OurMistake, match=f"{TOPIC} 0: the batch after offset 2 unfolds to more"
        ):
            await log.chunks(consumer)
        chunks = await log.chunks(consumer, 0, 3)
    assert said(rows_of(chunks)) == records(3)
