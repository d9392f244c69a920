"""A worker that was frozen while another one took its partitions over is refused, and says so."""

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

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

PARTITIONS = 2
ROWS = 500
SESSION_S = 10
NEVER_S = 3600
LIMIT_S = 300.0


class Worker:
    """A worker of the counting stage and what it said."""

    def __init__(self, connection: KafkaConnection, log: Path, *options: str) -> None:
        self._log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.support.counting_worker"),
                    *(connection.bootstrap, connection.prefix, f"session={SESSION_S}", *options),
                ],
                stdout=file,
                stderr=subprocess.STDOUT,
            )

    def said(self, event: str) -> list[dict[str, Any]]:
        written, _, _ = self._log.read_text(encoding="utf-8").rpartition("\n")
        lines = written.splitlines()
        found = [json.loads(line) for line in lines if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self) -> int:
        return await asyncio.to_thread(self._process.wait, LIMIT_S)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


class Input:
    """Publishes numbers and knows what must be counted in the end."""

    def __init__(self, connection: KafkaConnection) -> None:
        self.wanted: Counter[bytes] = Counter()
        self._connection = connection
        self.publisher = TransactionalPublisher(connection, "publisher")

    async def publish(self) -> None:
        blocks = []
        for partition in range(PARTITIONS):
            keys = [b"%d-%d" % (partition, number % 7) for number in range(ROWS)]
            self.wanted.update(keys)
            blocks.append(numbers(partition, keys))
        await self.publisher.publish(blocks)

    async def committed(self) -> dict[tuple[str, int], int]:
        async with Progress(self._connection) as progress:
            found = await progress.committed("counting", [NUMBERS.name])
        return {place: each.offset for place, each in found.items()}

    async def read_to_the_end(self) -> None:
        async with Progress(self._connection) as progress:

            async def nothing_left() -> bool:
                lags = await progress.lag("counting", [NUMBERS.name])
                return all(lag.behind == 0 for lag in lags.values())

            await until(nothing_left, LIMIT_S)

    async def counted(self) -> Counter[bytes]:
        latest = await read_compacted(self._connection, COUNTS.name)
        return Counter({key: int(value) for key, value in latest.items()})


@pytest.fixture
async def given(connection: KafkaConnection) -> AsyncIterator[Input]:
    await create_topics(connection, COUNTING_TOPICS, partitions=PARTITIONS, replication=1)
    given = Input(connection)
    await given.publisher.start()
    yield given
    await given.publisher.stop()


@pytest.fixture
def start(connection: KafkaConnection, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def started(name: str, *options: str) -> Worker:
        workers.append(Worker(connection, tmp_path / name, *options))
        return workers[-1]

    yield started
    for worker in workers:
        worker.kill()


async def test_the_commit_of_a_zombie_is_refused_and_its_rows_are_counted_once(
    given: Input, start: Callable[..., Worker]
) -> None:
    """Frozen with rows in hand; its partitions are taken over and committed; it wakes up."""
    zombie = start("zombie", f"interval={NEVER_S}")
    await until(lambda: len(zombie.said("task opened")) >= PARTITIONS, LIMIT_S)
    await given.publish()
    in_hand = PARTITIONS * ROWS
    await until(lambda: sum(each["rows"] for each in zombie.said("added")) >= in_hand, LIMIT_S)
    assert await given.committed() == {}
    zombie.send(signal.SIGSTOP)

    other = start("other")
    await given.read_to_the_end()
    taken_over = await given.committed()
    assert len(taken_over) == PARTITIONS
    assert await given.counted() == given.wanted

    zombie.send(signal.SIGCONT)
    await until(lambda: len(zombie.said("task fenced")) >= PARTITIONS, LIMIT_S)
    refused = zombie.said("task fenced")
    assert {line["partition"] for line in refused} == set(range(PARTITIONS))
    # The broker's answer itself, or what the client's state is once it had that answer.
    named = ("ProducerFenced", "IllegalOperation")
    assert all(any(name in line["reason"] for name in named) for line in refused), refused
    assert await given.counted() == given.wanted

    # It is a member again, and what it commits from now on counts.
    await until(lambda: len(zombie.said("task opened")) > PARTITIONS, LIMIT_S)
    await given.publish()
    await until(lambda: sum(each["rows"] for each in zombie.said("added")) > in_hand, LIMIT_S)
    for worker in (other, zombie):
        worker.send(signal.SIGTERM)
        assert await worker.ended() == ExitCode.STOPPED
    start("last")
    await given.read_to_the_end()
    assert await given.counted() == given.wanted
