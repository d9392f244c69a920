"""Workers come and go: what a worker keeps it does not restore, and nothing is lost or doubled."""

import asyncio
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.domain.exit_codes import ExitCode
from pipeline.kafka.compacted import read_compacted
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.progress import Progress
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.kafka.topics import create_topics
from tests.support.counting import COUNTING_TOPICS, COUNTS, NUMBERS, numbers
from tests.support.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.crash, pytest.mark.timeout(1800)]

PARTITIONS = 8
SESSION_S = 60
"""Long, so that on a busy machine no member is taken for dead."""
LIMIT_S = 400.0


class Group:
    """Workers of the counting stage with a log each."""

    def __init__(self, connection: KafkaConnection, logs: Path) -> None:
        self.wanted: Counter[bytes] = Counter()
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self._connection = connection
        self._logs = logs
        self._dice = random.Random(3)

    def start(self, name: str, *, static: bool = False) -> None:
        instance = [f"instance={name}"] if static else []
        with (self._logs / name).open("ab") as log:
            self.workers[name] = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.support.counting_worker"),
                    *(self._connection.bootstrap, self._connection.prefix),
                    f"session={SESSION_S}",
                    *instance,
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def opened(self, name: str) -> int:
        """Return how many tasks a worker has opened and restored so far."""
        return (self._logs / name).read_text().count("task opened")

    def revoked(self, name: str) -> int:
        """Return how often a worker had to give its partitions back so far."""
        return (self._logs / name).read_text().count('"revoked"')

    async def stop(self, name: str) -> int:
        worker = self.workers.pop(name)
        worker.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(worker.wait, LIMIT_S)

    async def publish(self, publisher: TransactionalPublisher) -> None:
        blocks = []
        for partition in range(PARTITIONS):
            keys = [b"%d-%d" % (partition, self._dice.randrange(9)) for _ in range(200)]
            self.wanted.update(keys)
            blocks.append(numbers(partition, keys))
        await publisher.publish(blocks)

    async def counted(self) -> None:
        """Wait until every key has the count it must have."""

        async def all_of_it() -> bool:
            latest = await read_compacted(self._connection, COUNTS.name)
            return Counter({key: int(value) for key, value in latest.items()}) == self.wanted

        await until(all_of_it, LIMIT_S)

    async def caught_up(self) -> None:
        async with Progress(self._connection) as progress:

            async def nothing_left() -> bool:
                lags = await progress.lag("counting", [NUMBERS.name])
                return all(lag.behind == 0 for lag in lags.values())

            await until(nothing_left, LIMIT_S)


@pytest.fixture
async def group(connection: KafkaConnection, tmp_path: Path) -> AsyncIterator[Group]:
    await create_topics(connection, COUNTING_TOPICS, partitions=PARTITIONS, replication=1)
    group = Group(connection, tmp_path)
    yield group
    for worker in group.workers.values():
        worker.kill()
        worker.wait()


async def test_workers_that_stay_restore_nothing_when_another_comes_and_take_only_what_it_leaves(
    group: Group, connection: KafkaConnection
) -> None:
    publisher = TransactionalPublisher(connection, "publisher")
    await publisher.start()
    staying = ["one", "two", "three"]
    for name in staying:
        group.start(name)
        await until(lambda name=name: group.opened(name) > 0, LIMIT_S)  # type: ignore[misc]
    await group.publish(publisher)
    await group.caught_up()
    before = {name: group.opened(name) for name in staying}

    group.start("late")
    await until(lambda: group.opened("late") == PARTITIONS // 4, LIMIT_S)
    await group.publish(publisher)
    await group.caught_up()
    assert {name: group.opened(name) for name in staying} == before

    assert await group.stop("late") == ExitCode.STOPPED
    await group.publish(publisher)
    await group.caught_up()
    after = {name: group.opened(name) for name in staying}
    assert sum(after.values()) - sum(before.values()) == PARTITIONS // 4
    await group.counted()
    await publisher.stop()


async def test_a_static_member_that_comes_back_in_time_takes_nothing_from_the_others(
    group: Group, connection: KafkaConnection
) -> None:
    """A rolling restart (KIP-345): nobody else's partition is revoked, no other task opened."""
    publisher = TransactionalPublisher(connection, "publisher")
    await publisher.start()
    names = ["one", "two", "three"]
    for name in names:
        group.start(name, static=True)
        await until(lambda name=name: group.opened(name) > 0, LIMIT_S)  # type: ignore[misc]
    await group.publish(publisher)
    await group.caught_up()
    for name in names:
        others = [each for each in names if each != name]
        opened = {each: group.opened(each) for each in names}
        revoked = {each: group.revoked(each) for each in others}
        assert await group.stop(name) == ExitCode.STOPPED
        await group.publish(publisher)
        group.start(name, static=True)
        await group.caught_up()
        assert group.opened(name) - opened[name] in {PARTITIONS // 3, PARTITIONS // 3 + 1}
        assert {each: group.opened(each) for each in others} == {
            each: opened[each] for each in others
        }
        assert {each: group.revoked(each) for each in others} == revoked
    await group.counted()
    await publisher.stop()
