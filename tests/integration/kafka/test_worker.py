"""A worker hands over every committed record once, moves past markers, and ends as documented."""

import asyncio
from collections.abc import Awaitable, Callable

import confluent_kafka
import pytest

from pipeline.codecs.chunk import Chunk
from pipeline.domain.errors import OurMistake, TooManyBadRecords
from pipeline.domain.exit_codes import ExitCode
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.fetched import ConsumerLimits
from pipeline.kafka.membership import Membership
from pipeline.kafka.progress import Progress
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.kafka.status import WorkerStatus
from pipeline.kafka.topics import create_topics
from pipeline.kafka.vigil import DEFAULT_LIMITS, WorkerLimits
from pipeline.kafka.worker import run_worker
from tests.support.collecting import CollectingHandler
from tests.support.counting import COUNTING_TOPICS, COUNTS, NUMBERS, numbers
from tests.support.waiting import until

pytestmark = pytest.mark.stack


def work(
    connection: KafkaConnection,
    make_handler: Callable[[Membership], CollectingHandler],
    scenario: Callable[[], Awaitable[None]],
    *topics: str,
    limits: WorkerLimits = DEFAULT_LIMITS,
    status: WorkerStatus | None = None,
) -> ExitCode:
    """Run a worker in this process until the scenario is over."""
    return run_worker(
        connection,
        stage="collecting",
        group="collecting",
        topics=topics or (NUMBERS.name,),
        make_handler=make_handler,
        limits=limits,
        status=status,
        beside=scenario,
    )


@pytest.fixture
def topics(connection: KafkaConnection) -> None:
    asyncio.run(create_topics(connection, COUNTING_TOPICS, partitions=2, replication=1))


def begun(connection: KafkaConnection, partition: int, count: int) -> confluent_kafka.Producer:
    """Write records in a transaction and leave it open."""
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": connection.bootstrap, "transactional.id": f"{connection.prefix}b"}
    )
    producer.init_transactions(20)
    producer.begin_transaction()
    for _ in range(count):
        producer.produce(connection.named(NUMBERS.name), b"1", b"key", partition)
    producer.flush(20)
    return producer


def aborted(connection: KafkaConnection, partition: int, count: int) -> None:
    """Write records whose transaction is aborted."""
    begun(connection, partition, count).abort_transaction(20)


@pytest.mark.usefixtures("topics")
def test_markers_and_aborted_records_move_the_position_without_records(
    connection: KafkaConnection,
) -> None:
    handler = CollectingHandler()

    async def scenario() -> None:
        publisher = TransactionalPublisher(connection, "publisher")
        await publisher.start()
        await publisher.publish([numbers(0, [b"a", b"b"])])
        await until(lambda: handler.positions().get((NUMBERS.name, 0)) == 3)
        await asyncio.to_thread(aborted, connection, 0, 5)
        await until(lambda: handler.positions().get((NUMBERS.name, 0)) == 9)
        assert len(handler.chunks[-1]) == 0
        await publisher.publish([numbers(0, [b"c"])])
        await until(lambda: handler.positions().get((NUMBERS.name, 0)) == 11)
        await publisher.stop()

    assert work(connection, lambda _: handler, scenario) == ExitCode.STOPPED
    assert handler.rows == 3
    assert [chunk.fetch_offset for chunk in handler.chunks[1:]] == [
        chunk.next_offset for chunk in handler.chunks[:-1]
    ]
    kept = [
        chunk.record(offset).key for chunk, offset in zip(kept_chunks(handler), (0, 9), strict=True)
    ]
    assert kept == [b"a", b"c"]


@pytest.mark.usefixtures("topics")
def test_what_an_open_transaction_holds_back_stalls_its_partition_and_no_quiet_one(
    connection: KafkaConnection,
) -> None:
    handler, status = CollectingHandler(), WorkerStatus()
    held, quiet = ((NUMBERS.name, number) for number in range(2))

    async def scenario() -> None:
        producer = await asyncio.to_thread(begun, connection, 0, 3)
        await until(lambda: status.held_back.get(held) == 3 and status.stalled[held] > 1)
        assert status.lag == {held: 0, quiet: 0}
        assert (status.held_back[quiet], status.stalled[quiet]) == (0, 0.0)
        await asyncio.to_thread(producer.commit_transaction, 20)
        await until(lambda: handler.rows == 3)
        await until(lambda: (status.held_back[held], status.stalled_s) == (0, 0.0))

    limits = WorkerLimits(look_s=0.2)
    assert work(connection, lambda _: handler, scenario, limits=limits, status=status) == (
        ExitCode.STOPPED
    )


@pytest.mark.usefixtures("topics")
def test_a_group_that_was_dealt_nothing_for_want_of_metadata_is_dealt_its_partitions_soon(
    connection: KafkaConnection,
) -> None:
    """As when brokers that have just started do not answer the group's leader (five minutes)."""
    handler, status = CollectingHandler(), WorkerStatus()
    members: list[Membership] = []

    def make_handler(membership: Membership) -> CollectingHandler:
        members.append(membership)
        return handler

    async def dealt_without_metadata() -> bool:
        # A look of the worker may learn the topics before the group is dealt them: again, then.
        await until(lambda: bool(status.assigned))
        consumer = members[0]._consumer._thread._ensure_consumer()
        consumer._client.cluster._partitions = {}
        dealt = len(handler.calls)
        await members[0].rejoin()
        await until(lambda: any(call == "assigned" for call, _ in handler.calls[dealt:]))
        return ("assigned", ()) in handler.calls

    async def scenario() -> None:
        await until(dealt_without_metadata)
        await until(lambda: len(status.assigned or ()) == 2)

    limits = WorkerLimits(look_s=0.5)
    assert work(connection, make_handler, scenario, limits=limits, status=status) == (
        ExitCode.STOPPED
    )


def kept_chunks(handler: CollectingHandler) -> list[Chunk]:
    return [chunk for chunk in handler.chunks if len(chunk)]


@pytest.mark.usefixtures("topics")
def test_chunks_are_bounded_and_acknowledged_positions_are_committed(
    connection: KafkaConnection,
) -> None:
    status = WorkerStatus()
    handlers: list[CollectingHandler] = []

    async def scenario() -> None:
        publisher = TransactionalPublisher(connection, "publisher")
        await publisher.start()
        await publisher.publish([numbers(part, [b"k"] * 50_000) for part in (0, 1)])
        await publisher.stop()
        await until(lambda: handlers[0].rows == 100_000)
        await until(lambda: set(handlers[0].positions().values()) == {50_001})
        async with Progress(connection) as progress:

            async def caught_up() -> bool:
                lags = await progress.lag("collecting", [NUMBERS.name])
                return all(lag.behind == 0 for lag in lags.values())

            await until(caught_up)
        await until(lambda: set(status.lag.values()) == {0})

    class Acknowledging(CollectingHandler):
        def __init__(self, membership: Membership) -> None:
            super().__init__()
            self._membership = membership
            handlers.append(self)

        async def tick(self, now: int) -> None:
            await super().tick(now)
            await self._membership.acknowledge(self.positions())

    assert work(connection, Acknowledging, scenario, status=status) == ExitCode.STOPPED
    assert max(map(len, handlers[0].chunks)) == ConsumerLimits().chunk_records
    assert (status.rows, status.stalled_s) == (100_000, 0.0)
    assert handlers[0].calls[-1] == ("stop", ())


@pytest.mark.usefixtures("topics")
def test_same_numbered_partitions_of_all_topics_come_together(connection: KafkaConnection) -> None:
    handler = CollectingHandler()

    async def scenario() -> None:
        await until(lambda: any(call == "assigned" for call, _ in handler.calls))

    work(connection, lambda _: handler, scenario, NUMBERS.name, COUNTS.name)
    assigned = next(partitions for call, partitions in handler.calls if call == "assigned")
    assert set(assigned) == {(topic, p) for topic in (NUMBERS.name, COUNTS.name) for p in (0, 1)}


@pytest.mark.usefixtures("topics")
def test_a_rejoin_revokes_and_assigns_again_and_loses_nothing(connection: KafkaConnection) -> None:
    handler = CollectingHandler()
    members: list[Membership] = []

    def make(membership: Membership) -> CollectingHandler:
        members.append(membership)
        return handler

    async def scenario() -> None:
        publisher = TransactionalPublisher(connection, "publisher")
        await publisher.start()
        await publisher.publish([numbers(0, [b"a", b"b"])])
        await until(lambda: handler.rows == 2)
        await members[0].acknowledge(handler.positions())
        await members[0].rejoin()
        await until(lambda: sum(call == "assigned" for call, _ in handler.calls) == 2)
        await publisher.publish([numbers(0, [b"c"])])
        await until(lambda: handler.rows == 3)
        await publisher.stop()

    assert work(connection, make, scenario) == ExitCode.STOPPED


@pytest.mark.usefixtures("topics")
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OurMistake("The schema is wrong."), ExitCode.MISTAKE),
        (TooManyBadRecords("Too many."), ExitCode.BAD_RECORDS),
        (ZeroDivisionError("secret"), ExitCode.FAILED),
    ],
)
def test_an_error_of_the_handler_ends_the_worker_with_its_code(
    connection: KafkaConnection,
    error: Exception,
    code: ExitCode,
    capfd: pytest.CaptureFixture[str],
) -> None:
    class Failing(CollectingHandler):
        async def add(self, chunk: Chunk) -> None:
            await super().add(chunk)
            raise error

    async def scenario() -> None:
        publisher = TransactionalPublisher(connection, "publisher")
        await publisher.start()
        await publisher.publish([numbers(0, [b"a"])])
        await publisher.stop()
        await asyncio.sleep(60)

    handler = Failing()
    assert work(connection, lambda _: handler, scenario) == code
    assert handler.calls[-1] == ("stop", ())
    written = capfd.readouterr()
    lines = [line for line in (written.out + written.err).splitlines() if "worker ends" in line]
    assert len(lines) == 1
    assert "secret" not in written.out + written.err


def test_a_missing_topic_is_a_mistake(connection: KafkaConnection) -> None:
    assert work(connection, lambda _: CollectingHandler(), forever) == ExitCode.MISTAKE


def test_brokers_that_stay_away_end_the_worker() -> None:
    nowhere = KafkaConnection("127.0.0.1:9")
    limits = WorkerLimits(broker_s=0.5)
    code = work(nowhere, lambda _: CollectingHandler(), forever, limits=limits)
    assert code == ExitCode.UNAVAILABLE


async def forever() -> None:
    await asyncio.Event().wait()
