"""A stage's tasks: fenced, restored, committed with their position; kept or dropped by right."""

import asyncio
import json
from dataclasses import replace

import confluent_kafka
import pytest

from pipeline.codecs.chunk import Chunk, RecordChunk
from pipeline.domain.errors import OurMistake
from pipeline.kafka.clients import reader
from pipeline.kafka.pace import Pace
from pipeline.kafka.progress import Committed, Progress
from pipeline.kafka.ranges import read_range
from pipeline.kafka.stage_settings import StageSettings
from tests.support.counting import COUNTS, MARKS, NUMBERS, CountingTask
from tests.support.stage_bench import P0, Alone, Bench
from tests.support.waiting import until

pytestmark = pytest.mark.stack


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


@pytest.mark.parametrize("bound", ["rows", "bytes"])
async def test_chunks_of_an_opening_partition_wait_aside_in_order(bench: Bench, bound: str) -> None:
    """Adding returns at once, so that other partitions go on; past the bound it is not fetched."""
    tasks: list[CountingTask] = []
    end = await bench.publish(b"a", b"b")
    whole = await bench.publish(b"b", b"c")
    chunks: list[Chunk] = []
    async with reader(bench.connection) as consumer:
        for start, stop in ((0, end), (end, whole)):
            chunks += [
                chunk
                async for chunk in read_range(
                    consumer, bench.connection, NUMBERS.name, 0, start=start, end=stop
                )
            ]
    settings = StageSettings(pace=Pace(interval_s=0.0))
    if bound == "rows":
        settings = replace(settings, waiting_rows=sum(map(len, chunks)))
    else:
        settings = replace(settings, waiting_size=sum(chunk.size for chunk in chunks))
    stage = bench.stage(tasks, settings=settings)
    membership = stage._membership
    assert isinstance(membership, Alone)
    await stage.assigned([P0])
    for chunk in chunks:
        assert membership.paused == []
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
