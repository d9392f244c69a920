"""Blocks arrive whole, in order, and readable by foreign clients."""

import asyncio
from collections.abc import AsyncIterator

import confluent_kafka
import pyarrow as pa
import pytest
from aiokafka import AIOKafkaProducer

from pipeline.codecs.marks import Mark, mark_headers, read_mark
from pipeline.domain.errors import Fenced, OurMistake
from pipeline.engine.stage import Block, MarkBlock
from pipeline.kafka.compacted import read_compacted
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.progress import Progress
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.kafka.topics import create_topics
from tests.support.counting import COUNTING_TOPICS, COUNTS, NUMBERS, numbers
from tests.support.waiting import LIMIT_S, until

pytestmark = pytest.mark.stack


@pytest.fixture
async def publisher(connection: KafkaConnection) -> AsyncIterator[TransactionalPublisher]:
    await create_topics(connection, COUNTING_TOPICS, partitions=2, replication=1)
    publisher = TransactionalPublisher(connection, "publisher")
    await publisher.start()
    yield publisher
    await publisher.stop()


def read_with_librdkafka(
    connection: KafkaConnection, topic: str, partition: int, count: int
) -> list[confluent_kafka.Message]:
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": connection.bootstrap,
            "group.id": "foreign",
            "isolation.level": "read_committed",
            "check.crcs": True,
            "enable.auto.commit": False,
        }
    )
    consumer.assign([confluent_kafka.TopicPartition(connection.named(topic), partition, 0)])
    messages: list[confluent_kafka.Message] = []
    while len(messages) < count:
        found = consumer.consume(count - len(messages), timeout=120)
        assert found, "librdkafka saw fewer records than were published"
        messages += found
    consumer.close()
    assert [message.error() for message in messages] == [None] * count
    return messages


async def test_a_foreign_client_reads_blocks_and_marks(
    connection: KafkaConnection, publisher: TransactionalPublisher
) -> None:
    keys = pa.array([b"a", None, b"c"] * 40_000, pa.binary())
    values = pa.array([b"%d" % number * 20 for number in range(120_000)], pa.binary())
    mark = Mark("web_logs", 1_700_000_000_000_000)
    offsets = await publisher.publish(
        [
            numbers(1, [b"first"]),
            Block(NUMBERS.name, 0, keys, values),
            MarkBlock(NUMBERS.name, 0, mark_headers(mark)),
            numbers(0, [b"last"]),
        ]
    )
    assert offsets == [0, 0, 120_000, 120_001]
    read = await asyncio.to_thread(read_with_librdkafka, connection, NUMBERS.name, 0, 120_002)
    assert [message.offset() for message in read] == list(range(120_002))
    assert [message.key() for message in read[:120_000]] == keys.to_pylist()
    assert [message.value() for message in read[:120_000]] == values.to_pylist()
    assert (read[120_000].key(), read[120_000].value()) == (None, None)
    assert read_mark(tuple(read[120_000].headers() or ())) == mark
    assert read[120_001].key() == b"last"


async def test_offsets_go_on_behind_the_markers(publisher: TransactionalPublisher) -> None:
    first = await publisher.publish([numbers(0, [b"a", b"b"]), numbers(0, [b"c"])])
    second = await publisher.publish([numbers(0, [b"d"])])
    assert (first, second) == ([0, 2], [4])
    assert await publisher.publish([]) == []


async def test_a_transaction_that_fails_leaves_nothing_to_read(
    connection: KafkaConnection, publisher: TransactionalPublisher
) -> None:
    too_large = Block(
        NUMBERS.name, 1, pa.array([b"k"], pa.binary()), pa.array([random_bytes()], pa.binary())
    )
    with pytest.raises(OurMistake, match="MessageSizeTooLarge"):
        await publisher.publish([numbers(0, [b"a"]), too_large])
    await publisher.start()
    assert await publisher.publish([numbers(0, [b"b"])])
    (message,) = await asyncio.to_thread(read_with_librdkafka, connection, NUMBERS.name, 0, 1)
    assert message.key() == b"b"


def random_bytes() -> bytes:
    """Return more than a topic takes, and nothing that compresses."""
    return b"".join(hash(number).to_bytes(8, "big") for number in range(7, 2**64, 2**45 + 12345))


async def test_a_second_publisher_fences_the_first(
    connection: KafkaConnection, publisher: TransactionalPublisher
) -> None:
    second = TransactionalPublisher(connection, "publisher")
    await second.start()
    with pytest.raises(Fenced):
        await publisher.publish([numbers(0, [b"a"])])
    await second.publish([numbers(0, [b"b"])])
    await second.stop()
    (message,) = await asyncio.to_thread(read_with_librdkafka, connection, NUMBERS.name, 0, 1)
    assert message.key() == b"b"


async def test_partitions_are_known_and_a_missing_topic_is_a_mistake(
    publisher: TransactionalPublisher,
) -> None:
    assert publisher.partitions(NUMBERS.name) == 2
    with pytest.raises(OurMistake, match="does not exist"):
        publisher.partitions("nothing.v1")


async def test_a_compacted_topic_is_read_as_its_latest_values(
    connection: KafkaConnection, publisher: TransactionalPublisher
) -> None:
    def counts(partition: int, pairs: list[tuple[bytes, bytes | None]]) -> Block:
        return Block(
            COUNTS.name,
            partition,
            pa.array([key for key, _ in pairs], pa.binary()),
            pa.array([value for _, value in pairs], pa.binary()),
        )

    assert await read_compacted(connection, COUNTS.name) == {}
    await publisher.publish([counts(0, [(b"a", b"1"), (b"b", b"1")]), counts(1, [(b"c", b"1")])])
    await publisher.publish([counts(0, [(b"a", b"2"), (b"b", None)])])
    assert await read_compacted(connection, COUNTS.name) == {b"a": b"2", b"c": b"1"}


async def test_a_compacted_topic_is_read_past_transactions_that_others_hold_open(
    connection: KafkaConnection, publisher: TransactionalPublisher
) -> None:
    counted = Block(COUNTS.name, 0, pa.array([b"a"]), pa.array([b"1"]))
    other = AIOKafkaProducer(**connection.client_arguments(), transactional_id="other")
    await other.start()
    await other.begin_transaction()
    await other.send_and_wait(connection.named(COUNTS.name), b"2", b"b", partition=0)
    await publisher.publish([counted])

    reading = asyncio.create_task(read_compacted(connection, COUNTS.name))
    await asyncio.sleep(1)  # it could have read what is stable by now: nothing
    await other.abort_transaction()

    assert await reading == {b"a": b"1"}
    await other.stop()


async def test_progress_tells_ends_lag_and_what_open_transactions_hide(
    connection: KafkaConnection, publisher: TransactionalPublisher
) -> None:
    await publisher.publish([numbers(0, [b"a", b"b"])])
    async with Progress(connection) as progress:

        async def two_rows_and_a_marker() -> bool:
            lags = await progress.lag("nobody", [NUMBERS.name])
            assert all(lag.committed is None for lag in lags.values())
            behind = {key: lag.behind for key, lag in lags.items()}
            return behind == {(NUMBERS.name, 0): 3, (NUMBERS.name, 1): 0}

        await until(two_rows_and_a_marker)
        assert await progress.committed("nobody", [NUMBERS.name]) == {}
        open_one = confluent_kafka.Producer(
            {"bootstrap.servers": connection.bootstrap, "transactional.id": connection.prefix}
        )
        open_one.init_transactions(LIMIT_S)
        open_one.begin_transaction()
        open_one.produce(connection.named(NUMBERS.name), b"x", partition=1)
        open_one.flush(LIMIT_S)
        for written, behind in ((False, 0), (True, 1)):
            lags = await progress.lag("nobody", [NUMBERS.name], written=written)
            assert lags[NUMBERS.name, 1].behind == behind
        open_one.abort_transaction(LIMIT_S)
