"""A stage's tasks: fenced, restored, committed with their position; kept or dropped by right."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping

import confluent_kafka
import pytest

from pipeline.codecs.chunk import Chunk, RecordChunk
from pipeline.domain.errors import OurMistake, RestoreMismatch
from pipeline.engine.stage import Reread
from pipeline.kafka.clients import reader
from pipeline.kafka.compacted import read_compacted
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.pace import Pace
from pipeline.kafka.progress import Committed, Progress
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.kafka.ranges import read_range
from pipeline.kafka.stage_settings import StageSettings
from pipeline.kafka.topics import create_topics
from pipeline.kafka.transactional_stage import TransactionalStage
from tests.support.counting import COUNTING_TOPICS, COUNTS, MARKS, NUMBERS, CountingTask, numbers
from tests.support.waiting import until

pytestmark = pytest.mark.stack

P0 = (NUMBERS.name, 0)
EAGER = StageSettings(pace=Pace(interval_s=0.0, rows=1_000_000))


class Alone:
    """A group of one, driven by the test."""

    def __init__(self) -> None:
        self.rejoins = 0
        self.paused: list[tuple[str, int]] = []
        self.resumed: list[tuple[str, int]] = []

    def end(self, topic: str, partition: int) -> int | None:
        assert (topic, partition) == P0
        return None

    async def rejoin(self) -> None:
        self.rejoins += 1

    def pause(self, partitions: Collection[tuple[str, int]]) -> None:
        self.paused += partitions

    def resume(self, partitions: Collection[tuple[str, int]]) -> None:
        self.resumed += partitions


class Bench:
    """A stage, the tasks it made, and the input it is fed from."""

    def __init__(self, connection: KafkaConnection) -> None:
        self.connection = connection
        self.publisher = TransactionalPublisher(connection, "publisher")
        self.stages: list[TransactionalStage] = []

    def stage(
        self,
        tasks: list[CountingTask],
        make: Callable[[int], CountingTask] = CountingTask,
        settings: StageSettings = EAGER,
    ) -> TransactionalStage:
        def remembered(partition: int) -> CountingTask:
            tasks.append(make(partition))
            return tasks[-1]

        stage = TransactionalStage(
            self.connection,
            Alone(),
            stage="counting",
            group="counting",
            make_task=remembered,
            settings=settings,
        )
        self.stages.append(stage)
        return stage

    async def publish(self, *keys: bytes, partition: int = 0) -> int:
        """Publish records to the input; return its end, the transaction's marker included."""
        (first,) = await self.publisher.publish([numbers(partition, keys)])
        return first + len(keys) + 1

    async def feed(self, stage: TransactionalStage, start: int, end: int) -> None:
        """Give the stage the input from start to end, once its task is open."""
        await until(lambda: not stage.restoring)
        async with reader(self.connection) as consumer:
            while start < end:
                async for chunk in read_range(
                    consumer, self.connection, NUMBERS.name, 0, start=start, end=end
                ):
                    await stage.add(chunk)
                    start = chunk.next_offset

    async def settled(self, stage: TransactionalStage, end: int) -> None:
        async def ticked() -> bool:
            await stage.tick(1)
            return stage.positions().get(P0) == end

        await until(ticked)

    async def committed(self) -> Committed | None:
        async with Progress(self.connection) as progress:
            return (await progress.committed("counting", [NUMBERS.name])).get(P0)

    async def commits(self, wanted: Committed) -> None:
        """Wait: a transaction's offsets and records show a moment after its commit returns."""

        async def shown() -> bool:
            return await self.committed() == wanted

        await until(shown)

    async def counts_to(self, wanted: dict[bytes, bytes]) -> None:
        async def shown() -> bool:
            return await self.counts() == wanted

        await until(shown)

    async def counts(self) -> dict[bytes, bytes]:
        return await read_compacted(self.connection, COUNTS.name)


@pytest.fixture
async def bench(connection: KafkaConnection) -> AsyncIterator[Bench]:
    await create_topics(connection, COUNTING_TOPICS, partitions=2, replication=1)
    bench = Bench(connection)
    await bench.publisher.start()
    yield bench
    await asyncio.gather(*(stage.stop() for stage in bench.stages))
    await bench.publisher.stop()


async def test_output_position_and_metadata_are_committed_together(bench: Bench) -> None:
    tasks: list[CountingTask] = []
    stage = bench.stage(tasks)
    end = await bench.publish(b"a", b"b", b"a")
    await stage.assigned([P0])
    await bench.feed(stage, 0, end)
    await bench.settled(stage, end)
    await bench.commits(Committed(4, json.dumps({"rows": 3})))
    await bench.counts_to({b"a": b"2", b"b": b"1"})
    assert tasks[-1].delivered_offsets == [[0, 0]]
    async with Progress(bench.connection) as progress:

        async def marked() -> bool:
            return await progress.ends([MARKS.name]) == {(MARKS.name, 0): 2}

        await until(marked)


async def test_a_chunk_of_markers_alone_moves_the_committed_position(bench: Bench) -> None:
    stage = bench.stage([])
    end = await bench.publish(b"a")
    await stage.assigned([P0])
    await bench.feed(stage, 0, end)
    await bench.settled(stage, end)
    await stage.add(RecordChunk(NUMBERS.name, 0, end, end + 1, []))
    await bench.settled(stage, end + 1)
    await bench.commits(Committed(end + 1, json.dumps({"rows": 1})))


async def test_a_restored_task_goes_on_where_the_last_one_committed(bench: Bench) -> None:
    first: list[CountingTask] = []
    stage = bench.stage(first)
    end = await bench.publish(b"a", b"b")
    await stage.assigned([P0])
    await bench.feed(stage, 0, end)
    await stage.stop()
    whole = await bench.publish(b"a")

    second: list[CountingTask] = []
    stage = bench.stage(second)
    await stage.assigned([P0])
    await bench.feed(stage, 0, whole)
    await bench.settled(stage, whole)
    assert second[-1].counts == {b"a": 2, b"b": 1}
    await bench.counts_to({b"a": b"2", b"b": b"1"})


def open_transaction(connection: KafkaConnection, topic: str) -> confluent_kafka.Producer:
    """Return a stranger's producer that has written to a topic and committed nothing yet."""
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": connection.bootstrap, "transactional.id": connection.named("other")}
    )
    producer.init_transactions()
    producer.begin_transaction()
    producer.produce(connection.named(topic), b"9", b"a", partition=0)
    producer.flush()
    return producer


async def test_a_restore_waits_for_what_lies_behind_an_open_transaction_of_others(
    bench: Bench,
) -> None:
    """``recompute`` writes to the outputs of the stages while these go on committing."""

    class Trusting(CountingTask):
        def restored(self) -> None:
            pass

    stage = bench.stage([])
    end = await bench.publish(b"a", b"b")
    await stage.assigned([P0])
    await bench.settled(stage, 0)
    other = await asyncio.to_thread(open_transaction, bench.connection, COUNTS.name)
    await bench.feed(stage, 0, end)
    await bench.settled(stage, end)
    await stage.stop()

    tasks: list[CountingTask] = []
    stage = bench.stage(tasks, Trusting)
    await stage.assigned([P0])
    await asyncio.sleep(0.5)
    assert stage.restoring
    await asyncio.to_thread(other.abort_transaction)
    await bench.settled(stage, end)
    assert tasks[-1].counts == {b"a": 1, b"b": 1}


def asking(reread: Reread) -> type[CountingTask]:
    """Return tasks that restore from there and take what they find."""

    class Asking(CountingTask):
        def rereads(self, positions: Mapping[str, int], metadata: str | None) -> list[Reread]:
            super().rereads(positions, metadata)
            self.rereads_asked = [reread]
            return self.rereads_asked

        def restored(self) -> None:
            pass

    return Asking


LONG_AGO, TOMORROW = 0, (time.time_ns() // 1000) + 86_400_000_000


@pytest.mark.parametrize(
    ("reread", "counted"),
    [
        (Reread(COUNTS.name, 0, 0, None), {b"a": 1}),
        (Reread(COUNTS.name, 0, 1, None), {}),
        (Reread(COUNTS.name, 0, 0, None, since=LONG_AGO), {b"a": 1}),
        (Reread(COUNTS.name, 0, 1, None, since=LONG_AGO), {}),
        (Reread(COUNTS.name, 0, 0, None, since=TOMORROW), {}),
        # Behind the end: the topic was made anew.
        (Reread(COUNTS.name, 0, 99, None), {b"a": 1}),
    ],
    ids=["all", "from", "since long ago", "from, since long ago", "since tomorrow", "made anew"],
)
async def test_a_restore_reads_from_an_offset_and_a_time_on(
    bench: Bench, reread: Reread, counted: dict[bytes, int]
) -> None:
    first = bench.stage([])
    end = await bench.publish(b"a")
    await first.assigned([P0])
    await bench.feed(first, 0, end)
    await first.stop()
    tasks: list[CountingTask] = []
    second = bench.stage(tasks, asking(reread))
    await second.assigned([P0])
    await bench.settled(second, end)
    assert tasks[-1].counts == counted


async def test_rows_missing_before_a_chunk_are_an_error(bench: Bench) -> None:
    stage = bench.stage([])
    end = await bench.publish(b"a")
    await stage.assigned([P0])
    await bench.feed(stage, 0, end)
    with pytest.raises(OurMistake, match=f"from {end} to {end + 5} are gone"):
        await stage.add(RecordChunk(NUMBERS.name, 0, end + 5, end + 6, []))


async def test_lost_rows_may_be_accepted_and_the_state_stays(bench: Bench) -> None:
    stage = bench.stage([])
    end = await bench.publish(b"a", b"b")
    await stage.assigned([P0])
    await bench.feed(stage, 0, end)
    await stage.stop()
    gone = await bench.publish(b"a", b"b")
    whole = await bench.publish(b"a")

    tasks: list[CountingTask] = []
    stage = bench.stage(tasks, settings=StageSettings(accept_lost_rows=True))
    await stage.assigned([P0])
    await bench.feed(stage, gone, whole)
    await bench.settled(stage, whole)
    assert tasks[-1].counts == {b"a": 2, b"b": 1}
    await bench.counts_to({b"a": b"2", b"b": b"1"})


async def test_a_partition_that_comes_straight_back_keeps_its_state(bench: Bench) -> None:
    tasks: list[CountingTask] = []
    stage = bench.stage(tasks, settings=StageSettings(pace=Pace(interval_s=60.0)))
    end = await bench.publish(b"a")
    await stage.assigned([P0])
    await bench.feed(stage, 0, end)
    made = len(tasks)
    await stage.revoked([P0])
    await bench.commits(Committed(end, json.dumps({"rows": 1})))
    assert stage.positions() == {}
    await stage.assigned([P0])
    await bench.settled(stage, end)
    assert len(tasks) == made


async def test_a_partition_that_others_owned_meanwhile_is_restored(bench: Bench) -> None:
    tasks: list[CountingTask] = []
    stage, other = bench.stage(tasks), bench.stage([])
    end = await bench.publish(b"a")
    await stage.assigned([P0])
    await bench.feed(stage, 0, end)
    await stage.revoked([P0])
    whole = await bench.publish(b"b")
    await other.assigned([P0])
    await bench.feed(other, end, whole)
    await other.revoked([P0])
    made = len(tasks)
    await stage.assigned([P0])
    await bench.settled(stage, whole)
    assert len(tasks) == made + 1
    assert tasks[-1].counts == {b"a": 1, b"b": 1}


async def test_a_fenced_task_is_dropped_and_asks_for_a_new_assignment(bench: Bench) -> None:
    stage, other = bench.stage([]), bench.stage([])
    end = await bench.publish(b"a")
    await stage.assigned([P0])
    await bench.settled(stage, 0)
    await other.assigned([P0])
    await bench.settled(other, 0)
    await bench.feed(stage, 0, end)
    membership = stage._membership
    assert isinstance(membership, Alone)

    async def rejoined() -> bool:
        await stage.tick(1)
        return membership.rejoins == 1

    await until(rejoined)
    assert (stage.openings.losses, stage.openings.fenced) == (1, 1)
    assert stage.positions() == {}
    assert await bench.counts() == {}
    await bench.feed(other, 0, end)
    await bench.settled(other, end)
    await bench.counts_to({b"a": b"1"})


async def test_a_restore_that_does_not_fit_is_tried_again_and_then_an_error(bench: Bench) -> None:
    class Late(CountingTask):
        misses = 2

        def restored(self) -> None:
            super().restored()
            if Late.misses:
                Late.misses -= 1
                raise RestoreMismatch("not yet")

    tasks: list[CountingTask] = []
    stage = bench.stage(tasks, Late)
    await stage.assigned([P0])
    await bench.settled(stage, 0)
    assert len(tasks) == 1 + 3
    await stage.stop()

    Late.misses = 100
    stage = bench.stage(tasks, Late)
    await stage.assigned([P0])
    with pytest.raises(RestoreMismatch):
        await bench.settled(stage, 0)


async def test_a_task_that_fails_commits_nothing_of_what_it_was_given(bench: Bench) -> None:
    class Failing(CountingTask):
        def add(self, chunk: object) -> None:
            super().add(chunk)  # type: ignore[arg-type]
            raise ZeroDivisionError

    stage = bench.stage([], Failing)
    end = await bench.publish(b"a")
    await stage.assigned([P0])
    with pytest.raises(ZeroDivisionError):
        await bench.feed(stage, 0, end)
    await stage.stop()
    assert await bench.committed() is None
    assert await bench.counts() == {}


async def test_inputs_with_different_partitions_are_a_mistake(bench: Bench) -> None:
    class Two(CountingTask):
        inputs = (NUMBERS.name, COUNTS.name)

    stage = bench.stage([], Two)
    with pytest.raises(OurMistake, match="same number of partitions"):
        await stage.assigned([P0, (NUMBERS.name, 1), (COUNTS.name, 0)])


async def test_a_topic_made_anew_under_an_old_group_is_a_mistake(bench: Bench) -> None:
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": bench.connection.bootstrap,
            "group.id": bench.connection.named("counting"),
        }
    )
    place = confluent_kafka.TopicPartition(bench.connection.named(NUMBERS.name), 0, 99)
    await asyncio.to_thread(consumer.commit, offsets=[place], asynchronous=False)
    consumer.close()
    stage = bench.stage([])
    await stage.assigned([P0])
    with pytest.raises(OurMistake, match="made anew"):
        await bench.settled(stage, 0)


async def test_chunks_of_an_opening_partition_wait_aside_in_order(bench: Bench) -> None:
    """Adding returns at once, so that other partitions go on; past the bound it is not fetched."""
    tasks: list[CountingTask] = []
    settings = StageSettings(pace=Pace(interval_s=0.0), waiting_rows=3)
    stage = bench.stage(tasks, settings=settings)
    end = await bench.publish(b"a", b"b")
    whole = await bench.publish(b"b", b"c")
    membership = stage._membership
    assert isinstance(membership, Alone)
    chunks: list[Chunk] = []
    async with reader(bench.connection) as consumer:
        for start, stop in ((0, end), (end, whole)):
            chunks += [
                chunk
                async for chunk in read_range(
                    consumer, bench.connection, NUMBERS.name, 0, start=start, end=stop
                )
            ]
    await stage.assigned([P0])
    for chunk in chunks:
        await stage.add(chunk)
    assert stage.restoring
    assert membership.paused == [P0]
    await bench.settled(stage, whole)
    assert membership.resumed == [P0]
    assert tasks[-1].counts == {b"a": 1, b"b": 2, b"c": 1}
    assert stage.openings.opened == 1


async def test_assignments_that_follow_each_other_closely_keep_the_state(bench: Bench) -> None:
    tasks: list[CountingTask] = []
    stage = bench.stage(tasks)
    end = await bench.publish(b"a")
    await stage.assigned([P0])
    await bench.feed(stage, 0, end)
    await bench.settled(stage, end)
    made = len(tasks)
    for _ in range(3):
        await stage.revoked([P0])
        await stage.assigned([P0])
    await bench.settled(stage, end)
    assert len(tasks) == made
    assert (stage.openings.opened, stage.openings.kept) == (1, 3)


async def test_a_revoked_partition_that_is_still_opening_is_let_go(bench: Bench) -> None:
    tasks: list[CountingTask] = []
    stage = bench.stage(tasks)
    await stage.assigned([P0])
    await stage.revoked([P0])
    await stage.add(RecordChunk(NUMBERS.name, 0, 0, 1, []))
    await stage.tick(1)
    assert stage.positions() == {}
    assert not stage.restoring
