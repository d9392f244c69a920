"""Every position of a log reads the same by whole batches, record by record, and by aiokafka.

Aborted rows, markers, compaction and the fetch limit make holes and cuts: no row is lost or twice.
"""

import asyncio
import random

import pytest
from aiokafka import AIOKafkaProducer

from pipeline.codecs.chunk import Record
from tests.support.partition_log import (
    Log,
    all_ways_agree,
    by_batches,
    by_parser,
    every_start_agrees,
    records,
    rows_of,
    said,
    until_stable,
    views,
)

pytestmark = pytest.mark.stack


async def test_interleaved_and_aborted_transactions_read_the_same_from_every_start(
    log: Log,
) -> None:
    """Three transactional producers and a plain one, half of the transactions aborted."""
    await log.create()
    made = random.Random(3)
    kept, held = 0, [0, 0, 0]
    async with (
        log.producer(
            transactional_id=f"{log.connection.prefix}0",
            compression_type="lz4",
            transaction_timeout_ms=600_000,
        ) as first,
        log.producer(
            transactional_id=f"{log.connection.prefix}1", transaction_timeout_ms=600_000
        ) as second,
        log.producer(
            transactional_id=f"{log.connection.prefix}2",
            compression_type="zstd",
            transaction_timeout_ms=600_000,
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
    kept = {key: value for key, value in latest.items() if key and key.startswith(b"k")}
    assert kept == {each.key: each.value for each in keyed[60:]}


async def rolled_and_compacted(log: Log, producer: AIOKafkaProducer) -> None:
    """Write until a record behind has made the broker close the segment and compact it.

    Each has a key of its own: a later run of the cleaner takes none of them away.
    """
    async with log.consumer(None) as consumer:
        for number in range(240):
            await asyncio.sleep(1.0)
            at = 1_700_000_100_000 + number
            await log.send(producer, [Record(0, at, b"roll %d" % number, b"", ())])
            rows = await log.plain(consumer)
            if len([row for row in rows if not row.key.startswith(b"roll")]) == 40:
                return
    pytest.fail("the broker did not compact in four minutes")
