"""The fetcher's results give whole batches to those who ask for them, and records to others."""

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.subscription_state import Assignment
from aiokafka.errors import CorruptRecordException
from structlog.testing import capture_logs

from pipeline.codecs.batch_compression import Decompressor, UnknownCodec
from pipeline.codecs.chunk import RecordChunk
from pipeline.codecs.raw_batch import RawBatch
from pipeline.codecs.raw_chunk import RawChunk
from pipeline.domain.errors import OurMistake
from pipeline.kafka.raw_fetch import NOTHING, RawFetch, Taken, chunk_of
from tests.support.log_batches import Given, log_batch, marker

TP = TopicPartition("prefix.t", 2)


class KnowsNoCodec(Decompressor):
    """Leaves every batch to aiokafka's parser."""

    def unfold(self, codec: int, body: memoryview) -> bytes:
        raise UnknownCodec(f"compression {codec}, {len(body)} bytes")


def batch(base: int, count: int, codec: int = 3) -> bytes:
    records = [Given(delta, delta, b"k", b"%d" % (base + delta), ()) for delta in range(count)]
    return log_batch(base, records, last_delta=count - 1, codec=codec)


class Fetched:
    """A result as the fetcher makes it, at the position where the fetch began."""

    def __init__(self, data: bytes, fetch: RawFetch | None, position: int = 0) -> None:
        assignment = Assignment([TP])
        self.state = assignment.state_value(TP)
        self.state.reset_to(position)
        records = fetcher.MemoryRecords(data)
        assert records.has_next()
        level = fetcher.READ_COMMITTED
        self.result: Any = fetcher.FetchResult(
            TP,
            assignment=assignment,
            partition_records=fetcher.PartitionRecords(
                TP,
                records,
                None,
                position,
                fetch,
                None,
                True,  # noqa: FBT003 - the replaced class's signature
                level,
            ),
            backoff=0.1,
        )

    @property
    def position(self) -> int:
        return int(self.state.position)

    def take(self, most: int = 1) -> Taken:
        (taken,) = self.result.getall(most)
        assert isinstance(taken, Taken)
        return taken


async def test_the_last_batch_taken_ends_the_result_so_that_the_next_fetch_begins() -> None:
    fetched = Fetched(batch(0, 3) + batch(3, 3) + marker(6, 1, commits=True), RawFetch(4))
    assert [each.base_offset for each in fetched.take().batches] == [0]
    assert (fetched.position, fetched.result.has_more()) == (3, True)
    assert [each.base_offset for each in fetched.take().batches] == [3]
    assert (fetched.position, fetched.result.has_more()) == (7, False)
    assert fetched.result.getall(1) == []


async def test_markers_alone_are_taken_as_nothing_that_moves_the_position() -> None:
    fetched = Fetched(marker(5, 1, commits=False), RawFetch(), 5)
    assert (fetched.take(), fetched.position, fetched.result.has_more()) == (NOTHING, 6, False)


async def test_a_seek_meanwhile_drops_what_was_fetched() -> None:
    fetched = Fetched(batch(0, 3), RawFetch())
    fetched.state.seek(1)
    assert (fetched.result.getall(1), fetched.position) == ([], 1)
    assert not fetched.result.has_more()


async def test_other_consumers_of_the_process_get_records() -> None:
    fetched = Fetched(batch(0, 3), None)
    records = fetched.result.getall(2)
    assert [(each.topic, each.partition, each.offset) for each in records] == [
        ("prefix.t", 2, 0),
        ("prefix.t", 2, 1),
    ]
    assert [each.value for each in fetched.result.getall()] == [b"2"]


async def test_batches_that_cannot_be_unfolded_become_records_and_that_is_logged_once() -> None:
    fetch = RawFetch(chunk_records=4)
    fetch.decompressor = KnowsNoCodec()
    fetched = Fetched(batch(0, 3) + batch(3, 3) + batch(6, 3), fetch)
    with capture_logs() as logs:
        first, second, _ = fetched.take(), fetched.take(), fetched.take()
    assert [record.offset for record in first.records] == [0, 1, 2]
    assert [record.offset for record in second.records] == [3, 4, 5]
    assert (fetched.position, fetched.result.has_more()) == (9, False)
    assert [(each["log_level"], each["offset"]) for each in logs] == [("warning", 0)]
    chunk = chunk_of("t", 2, 0, 3, first)
    assert isinstance(chunk, RecordChunk)
    assert chunk.record(2).value == b"2"


async def test_a_broken_batch_is_fetched_again_after_what_lies_before_it() -> None:
    data = bytearray(batch(0, 3) + batch(3, 3))
    data[-1] ^= 1
    fetched = Fetched(bytes(data), RawFetch())
    assert [each.base_offset for each in fetched.take().batches] == [0]
    with pytest.raises(CorruptRecordException, match="the checksum differs"):
        fetched.result.getall(1)
    assert (fetched.position, fetched.result.has_more()) == (3, False)
    assert fetched.result.getall(1) == []


async def test_a_batch_beyond_the_limit_is_our_mistake() -> None:
    fetched = Fetched(batch(7, 2000), RawFetch(batch_bytes=1000), 7)
    with pytest.raises(OurMistake, match=r"prefix\.t 2: the batch after offset 6 unfolds to more"):
        fetched.result.getall(1)


def test_what_is_taken_can_be_cut_at_an_offset() -> None:
    batches = [RawBatch(0, 0, None, 3, b"", 1, 3), RawBatch(3, 0, None, 3, b"", 3, 6)]
    taken = Taken(batches, ())
    assert taken.below(9) == Taken(batches, [])
    assert taken.below(4).batches == [batches[0], batches[1]._replace(end=4)]
    assert taken.below(3).batches == [batches[0]]
    assert taken.below(1).batches == []


def test_a_batch_that_is_not_its_number_of_records_is_corrupt() -> None:
    assert isinstance(chunk_of("t", 2, 0, 1, NOTHING), RawChunk)
    broken = RawBatch(0, 0, None, 2, b"\x0c\x00\x00\x00\x01\x01\x00", 0, 2)
    with pytest.raises(CorruptRecordException, match="t 2"):
        chunk_of("t", 2, 0, 2, Taken([broken], ()))
