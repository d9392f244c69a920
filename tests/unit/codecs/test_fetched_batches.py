"""Whole batches give what aiokafka's parser gives record by record."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.batch_compression import BatchTooLarge, Decompressor
from pipeline.codecs.batch_reader import CorruptBatch, batch_at, batch_end
from pipeline.codecs.chunk import Record
from pipeline.codecs.fetched_batches import Aborted, FetchedBatches
from tests.support.aiokafka_parser import PartitionRecords
from tests.support.log_batches import (
    CONTROL,
    LOG_APPEND_TIME,
    TRANSACTIONAL,
    Given,
    log_batch,
    marker,
    records_of,
)

TP = TopicPartition("t", 0)
ALL = 1 << 40


class Log(NamedTuple):
    """A partition from one offset on, its aborted transactions, and where each of them ended."""

    data: bytes
    aborted: list[Aborted]
    end: int
    ends: tuple[int, ...] = ()


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """Draw a log: interleaved transactions, idempotent and plain batches, holes, empty batches."""
    data, aborted = b"", [(Aborted(4, 0), 0)]
    offset = draw(st.integers(0, 1000))
    open_from: dict[int, int] = {}
    for _ in range(draw(st.integers(1, 20))):
        kind = draw(st.sampled_from(("plain", "idempotent", "txn", "txn", "txn", "end", "end")))
        if kind == "end":
            if not open_from:
                continue
            producer = draw(st.sampled_from(sorted(open_from)))
            first = open_from.pop(producer)
            commits = draw(st.booleans())
            if not commits:
                aborted.append((Aborted(producer, first), offset))
            data += marker(offset, producer, commits=commits)
            offset += 1 + draw(st.integers(0, 2))
            continue
        producer = {"plain": -1, "idempotent": 99}.get(kind, draw(st.integers(1, 3)))
        flags = draw(st.sampled_from((0, LOG_APPEND_TIME)))
        if kind == "txn":
            flags |= TRANSACTIONAL
            open_from.setdefault(producer, offset)
        last = draw(st.integers(0, 6))
        kept = draw(st.sets(st.integers(0, last)))
        data += log_batch(
            offset,
            [draw(givens(delta)) for delta in sorted(kept)],
            last_delta=last,
            codec=draw(st.integers(0, 4)),
            producer_id=producer,
            flags=flags,
        )
        offset += last + 1 + draw(st.integers(0, 2))
    # What is still open at the end lies behind the last stable offset and counts as aborted here.
    aborted += [(Aborted(producer, first), offset) for producer, first in open_from.items()]
    if not data:
        data, offset = log_batch(offset, [], last_delta=0), offset + 1
    aborted = draw(st.permutations(aborted))
    return Log(data, [each for each, _ in aborted], offset, tuple(end for _, end in aborted))


def givens(delta: int) -> st.SearchStrategy[Given]:
    texts = st.none() | st.binary(max_size=20)
    headers = st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)), max_size=2)
    return st.builds(Given, st.just(delta), st.integers(0, 10**6), texts, texts, headers.map(tuple))


def places(log: Log) -> Iterator[tuple[int, int]]:
    """Yield where each batch begins and ends."""
    start = 0
    while (end := batch_end(memoryview(log.data), start)) is not None:
        yield start, end
        start = end


def served(log: Log, offset: int) -> Log:
    """Return the log from the batch on that holds the offset, as a broker serves it.

    It tells of no transaction that had ended before.
    """
    for start, end in places(log):
        if batch_at(memoryview(log.data)[start:end], None).next_offset > offset:
            going = zip(log.aborted, log.ends, strict=True)
            aborted = [each for each, ended in going if ended >= offset]
            return log._replace(data=log.data[start:], aborted=aborted)
    return log._replace(data=b"", aborted=[])


def fetched(
    log: Log, start: int, *, committed: bool = True, limit: int = 64 << 20
) -> FetchedBatches:
    return FetchedBatches(
        memoryview(log.data),
        start,
        log.aborted if committed else None,
        decompressor=Decompressor(limit),
        checksum=calc_crc32c,
    )


def drained(
    batches: FetchedBatches, most_records: int = ALL, most_bytes: int = ALL
) -> list[Record]:
    """Take everything; every step moves the position past what it gave."""
    records: list[Record] = []
    while not batches.exhausted:
        before = batches.position
        taken = [
            record
            for batch in batches.take(most_records, most_bytes)
            for record in records_of(batch)
        ]
        assert all(before <= record.offset < batches.position for record in taken)
        assert len(taken) <= most_records
        assert batches.position >= before
        records += taken
    return records


def parsed(log: Log, start: int, *, committed: bool = True) -> tuple[list[Record], int]:
    """Return what aiokafka's own parser makes of it, and the position after it."""
    level = fetcher.READ_COMMITTED if committed else fetcher.READ_UNCOMMITTED
    aborted = [tuple(each) for each in log.aborted]
    check = True
    oracle = PartitionRecords(TP, MemoryRecords(log.data), aborted, start, None, None, check, level)
    records = [
        Record(each.offset, each.timestamp, each.key, each.value, tuple(each.headers))
        for each in oracle
    ]
    return records, oracle.next_fetch_offset


@given(logs(), st.data())
def test_batches_give_the_records_of_aiokafka_s_parser_from_every_start(
    log: Log, data: st.DataObject
) -> None:
    start = data.draw(st.integers(0, log.end))
    committed = data.draw(st.booleans())
    log = served(log, start)
    log = log._replace(data=log.data[: data.draw(st.integers(0, len(log.data)))])
    batches = fetched(log, start, committed=committed)
    found = drained(batches, data.draw(st.integers(1, 12)), data.draw(st.integers(1, 200)))
    expected, position = parsed(log, start, committed=committed)
    assert found == expected
    assert batches.position == max(position, start)


@given(logs(), st.data())
def test_parts_of_a_log_read_one_after_the_other_are_the_whole(
    log: Log, data: st.DataObject
) -> None:
    """The position after a cut response is where the next fetch begins."""
    cut = data.draw(st.integers(0, len(log.data)))
    first = fetched(log._replace(data=log.data[:cut]), 0)
    before = drained(first)
    second = fetched(served(log, first.position), first.position)
    assert before + drained(second) == drained(fetched(log, 0))


def plain(base: int, count: int, codec: int = 0, value: bytes = b"v") -> bytes:
    records = [Given(delta, 0, b"k", value, ()) for delta in range(count)]
    return log_batch(base, records, last_delta=count - 1, codec=codec)


def test_a_response_of_markers_alone_moves_the_position() -> None:
    log = Log(marker(7, 1, commits=False) + marker(8, 1, commits=True), [Aborted(1, 3)], 9)
    batches = fetched(log, 7)
    assert (batches.take(10, 10), batches.position, batches.exhausted) == ([], 9, True)


def test_a_marker_that_compaction_emptied_ends_nothing_and_is_passed_over() -> None:
    empty = log_batch(5, [], last_delta=0, producer_id=1, flags=TRANSACTIONAL | CONTROL)
    batches = fetched(Log(empty + plain(6, 1), [], 7), 5)
    assert [record.offset for record in drained(batches)] == [6]


def test_a_batch_that_is_larger_than_a_chunk_comes_in_parts() -> None:
    batches = fetched(Log(plain(100, 10, codec=3), [], 110), 102)
    sizes, positions = [], []
    while not batches.exhausted:
        sizes.append(
            [record.offset for batch in batches.take(3, ALL) for record in records_of(batch)]
        )
        positions.append(batches.position)
    assert sizes == [[102, 103, 104], [105, 106, 107], [108, 109]]
    assert positions == [105, 108, 110]


def test_whole_batches_are_taken_while_they_fit() -> None:
    log = Log(plain(0, 4) + plain(4, 4) + plain(8, 4), [], 12)
    batches = fetched(log, 0)
    assert [batch.base_offset for batch in batches.take(9, ALL)] == [0, 4]
    assert [batch.base_offset for batch in batches.take(9, ALL)] == [8]
    assert [batch.base_offset for batch in fetched(log, 0).take(ALL, 1)] == [0]


@pytest.mark.parametrize("codec", range(5))
def test_a_batch_beyond_the_limit_is_an_error_after_the_batches_before_it(codec: int) -> None:
    value = b"again and again " * 100
    log = Log(plain(0, 1) + plain(1, 100, codec, value), [], 101)
    batches = fetched(log, 0, limit=10_000)
    assert [record.offset for batch in batches.take(ALL, ALL) for record in records_of(batch)] == [
        0
    ]
    assert (batches.position, batches.exhausted) == (1, False)
    with pytest.raises(BatchTooLarge):
        batches.take(ALL, ALL)
    assert batches.position == 1


@given(logs(), st.data())
def test_a_flipped_bit_is_found_and_what_lies_before_it_is_given(
    log: Log, data: st.DataObject
) -> None:
    """The checksum covers a batch from its attributes on."""
    start, end = data.draw(st.sampled_from(list(places(log))))
    flipped = bytearray(log.data)
    flipped[data.draw(st.integers(start + 21, end - 1))] ^= 1 << data.draw(st.integers(0, 7))
    batches = fetched(log._replace(data=bytes(flipped)), 0)
    found: list[Record] = []
    broken = 0
    while not batches.exhausted:
        try:
            taken = batches.take(ALL, ALL)
        except CorruptBatch:
            broken += 1
        else:
            found += [record for batch in taken for record in records_of(batch)]
    assert broken == 1
    assert found == drained(fetched(log._replace(data=log.data[:start]), 0))


def old(magic: int) -> bytes:
    builder = LegacyRecordBatchBuilder(magic, 0, 1 << 20)
    builder.append(0, timestamp=5, key=b"k", value=b"v")
    data = bytearray(builder.build())
    data[7] = 3  # the offset
    return bytes(data)


def unknown_codec(base: int) -> bytes:
    data = bytearray(plain(base, 2))
    data[22] |= 7
    data[17:21] = calc_crc32c(bytes(data[21:])).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize(
    "odd", [lambda: old(0), lambda: old(1), lambda: unknown_codec(3)], ids=["v0", "v1", "codec 7"]
)
def test_a_batch_for_a_client_s_own_parser_is_told_apart_between_its_neighbours(
    odd: Callable[[], bytes],
) -> None:
    batches = fetched(Log(plain(0, 3) + odd() + plain(5, 1), [], 6), 0)
    assert [batch.base_offset for batch in batches.take(ALL, ALL)] == [0]
    assert (batches.take(ALL, ALL), batches.odd is not None) == ([], True)
    assert bytes(batches.odd or b"") == odd()
    assert (batches.position, batches.exhausted) == (3, False)
    batches.resume(5)
    assert [batch.base_offset for batch in batches.take(ALL, ALL)] == [5]
    assert (batches.position, batches.exhausted) == (6, True)
