"""Worker processes killed, stopped and frozen: nothing lost, nothing doubled."""

import asyncio
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from pipeline.domain.exit_codes import ExitCode
from pipeline.kafka.compacted import read_compacted
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.progress import Progress
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.kafka.topics import create_topics
from tests.support.counting import COUNTING_TOPICS, COUNTS, NUMBERS, numbers
from tests.support.waiting import LIMIT_S, until

pytestmark = [pytest.mark.stack, pytest.mark.crash]

PARTITIONS = 4
ROUNDS = 3
SESSION_S = 6
"""The shortest that a broker allows by default (``group.min.session.timeout.ms``)."""


class Fleet:
    """Workers of the counting stage, and what they must have counted."""

    def __init__(self, connection: KafkaConnection, publisher: TransactionalPublisher) -> None:
        self.workers: list[subprocess.Popen[bytes]] = []
        self.wanted: Counter[bytes] = Counter()
        self._connection = connection
        self._publisher = publisher
        self._dice = random.Random(7)

    def start(self) -> subprocess.Popen[bytes]:
        worker = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.support.counting_worker"),
                *(self._connection.bootstrap, self._connection.prefix),
                *(f"session={SESSION_S}", "chunk=500", "delay=0.01"),
            ],
            stdout=subprocess.DEVNULL,
        )
        self.workers.append(worker)
        return worker

    async def publish(self, rows: int) -> None:
        blocks = []
        for partition in range(PARTITIONS):
            keys = [
                b"%d-%d" % (partition, self._dice.randrange(40)) for _ in range(rows // PARTITIONS)
            ]
            self.wanted.update(keys)
            blocks.append(numbers(partition, keys))
        await self._publisher.publish(blocks)

    async def committed(self) -> int:
        async with Progress(self._connection) as progress:
            offsets = await progress.committed("counting", [NUMBERS.name])
        return sum(each.offset for each in offsets.values())

    async def publish_and_move(self, rows: int) -> None:
        """Publish, and wait until the group has committed some of it."""
        before = await self.committed()

        async def moved() -> bool:
            return await self.committed() > before

        await self.publish(rows)
        await until(moved)

    async def caught_up(self) -> None:
        async with Progress(self._connection) as progress:

            async def nothing_left() -> bool:
                lags = await progress.lag("counting", [NUMBERS.name])
                return all(lag.behind == 0 for lag in lags.values())

            await until(nothing_left)

    async def counts_as_wanted(self) -> None:
        """Wait for the counts: what is published last shows a moment after it is acknowledged."""
        await self.caught_up()

        async def equal() -> bool:
            latest = await read_compacted(self._connection, COUNTS.name)
            return Counter({key: int(value) for key, value in latest.items()}) == self.wanted

        await until(equal)

    async def ended(self, worker: subprocess.Popen[bytes]) -> int:
        self.workers.remove(worker)
        return await asyncio.to_thread(worker.wait, LIMIT_S)


@pytest.fixture
async def fleet(connection: KafkaConnection) -> AsyncIterator[Fleet]:
    await create_topics(connection, COUNTING_TOPICS, partitions=PARTITIONS, replication=1)
    publisher = TransactionalPublisher(connection, "publisher")
    await publisher.start()
    fleet = Fleet(connection, publisher)
    yield fleet
    for worker in fleet.workers:
        worker.kill()
        worker.wait()
    await publisher.stop()


async def test_killed_and_stopped_workers_lose_and_double_nothing(fleet: Fleet) -> None:
    fleet.start()
    fleet.start()
    await fleet.publish_and_move(20_000)
    for number in range(ROUNDS):
        await fleet.publish_and_move(8_000)
        victim = fleet.workers[0]
        victim.send_signal(signal.SIGKILL if number % 2 else signal.SIGTERM)
        code = await fleet.ended(victim)
        assert code in {-signal.SIGKILL, ExitCode.STOPPED, -signal.SIGTERM}
        fleet.start()
    await fleet.counts_as_wanted()


async def test_a_frozen_worker_doubles_nothing_and_is_useful_again(fleet: Fleet) -> None:
    zombie, other = fleet.start(), fleet.start()
    await fleet.publish(4_000)
    await fleet.caught_up()
    await fleet.publish_and_move(8_000)
    zombie.send_signal(signal.SIGSTOP)
    await fleet.publish(4_000)
    await fleet.caught_up()
    zombie.send_signal(signal.SIGCONT)
    await fleet.publish(8_000)
    await fleet.counts_as_wanted()
    other.send_signal(signal.SIGKILL)
    await fleet.ended(other)
    await fleet.publish(4_000)
    await fleet.counts_as_wanted()
    zombie.send_signal(signal.SIGTERM)
    assert await fleet.ended(zombie) == ExitCode.STOPPED
