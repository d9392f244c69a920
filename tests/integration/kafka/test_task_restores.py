"""What a task finds when it is opened again: its own output, behind whatever lies before it."""

import asyncio
import time
from collections.abc import Mapping

import confluent_kafka
import pytest

from pipeline.domain.errors import RestoreMismatch
from pipeline.engine.stage import Reread
from pipeline.kafka.connection import KafkaConnection
from tests.support.counting import COUNTS, CountingTask
from tests.support.stage_bench import P0, Bench

pytestmark = pytest.mark.stack


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
