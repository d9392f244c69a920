"""What a batch holds reads the same by whole batches, record by record, and by aiokafka."""

import asyncio
import random
import struct

import pytest

from pipeline.codecs.chunk import Record, RecordChunk
from pipeline.codecs.raw_chunk import RawChunk
from pipeline.domain.errors import OurMistake
from pipeline.kafka.raw_fetch import RawFetch
from tests.support.avro_values import framed, schema_named, schemas_of
from tests.support.partition_log import (
    CODECS,
    TOPIC,
    Log,
    all_ways_agree,
    by_batches,
    by_parser,
    records,
    rows_of,
    said,
)

pytestmark = pytest.mark.stack


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


async def test_log_append_time_stands_for_the_times_of_all_records(log: Log) -> None:
    await log.create(message_timestamp_type="LogAppendTime")
    async with log.producer(compression_type="zstd") as producer:
        await log.send(producer, records(40))
        await asyncio.sleep(0.01)
        await log.send(producer, records(40))
    times = [row.timestamp_ms for row in await all_ways_agree(log, (0, 13))]
    assert min(times) > 1_700_000_000_000 + 40 * 7
    assert len(set(times)) == 2


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
