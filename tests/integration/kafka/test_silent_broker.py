"""A broker that falls silent in the middle of a restore: another try, or an end that says why."""

import asyncio
import random
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.codecs.chunk import Chunk
from pipeline.domain.errors import Unavailable
from pipeline.domain.exit_codes import ExitCode, exit_code
from pipeline.engine.stage import Block, Reread
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.kafka.stage_settings import StageSettings
from pipeline.kafka.topics import create_topics
from pipeline.kafka.transactional_stage import TransactionalStage
from tests.chaos.proxy import Proxy
from tests.chaos.servers import ProxiedBroker
from tests.support.counting import COUNTING_TOPICS, COUNTS, NUMBERS, CountingTask
from tests.support.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.crash]

P0 = (NUMBERS.name, 0)
BLOCKS, ROWS = 12, 900
"""Together several times what one fetch brings, so that the restore is cut in its middle."""


class Network:
    """A broker of its own behind a proxy, with much to restore."""

    def __init__(self, directory: Path) -> None:
        self.proxy = Proxy(lambda: self.broker.port)
        self.broker = ProxiedBroker(directory, self.proxy)

    @property
    def connection(self) -> KafkaConnection:
        return KafkaConnection(f"127.0.0.1:{self.proxy.port}", prefix="silent.")


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    network = Network(tmp_path_factory.mktemp("kafka"))
    network.proxy.start()
    try:
        with network.broker:
            asyncio.run(_fill(network.connection))
            yield network
    finally:
        network.proxy.speak()
        network.proxy.stop()


async def _fill(connection: KafkaConnection) -> None:
    await create_topics(connection, COUNTING_TOPICS, partitions=1, replication=1)
    publisher = TransactionalPublisher(connection, "publisher")
    await publisher.start()
    for number in range(BLOCKS):
        keys = [b"%d-%d" % (number, row) for row in range(ROWS)]
        values = [_noise(number * ROWS + row) for row in range(ROWS)]
        block = Block(COUNTS.name, 0, pa.array(keys, pa.binary()), pa.array(values, pa.binary()))
        await publisher.publish([block])
    await publisher.stop()


def _noise(seed: int) -> bytes:
    """Return a kilobyte that compression does not make smaller."""
    return random.Random(seed).randbytes(1000)


class Restoring(CountingTask):
    """Counts what it is given back; the first chunk of a restore silences the brokers."""

    proxy: Proxy
    silences = 0
    tries = 0

    def __init__(self, partition: int) -> None:
        super().__init__(partition)
        self.restored_rows = 0

    def restore(self, reread: Reread, chunk: Chunk) -> None:
        assert reread in self.rereads_asked
        if self.restored_rows == 0:
            type(self).tries += 1
            if self.tries <= self.silences:
                self.proxy.silence()
        self.restored_rows += len(chunk)

    def restored(self) -> None:
        """Accept everything."""


class NoGroup:
    """A membership that nobody asks while nothing is open."""

    def end(self, topic: str, partition: int) -> int | None:
        assert (topic, partition) == P0
        return None

    async def rejoin(self) -> None:
        raise AssertionError

    def pause(self, partitions: Collection[tuple[str, int]]) -> None:
        raise AssertionError(partitions)

    def resume(self, partitions: Collection[tuple[str, int]]) -> None:
        raise AssertionError(partitions)


def task_of(network: Network, silences: int) -> type[Restoring]:
    return type("Cut", (Restoring,), {"proxy": network.proxy, "silences": silences})


@pytest.fixture
async def stages(network: Network) -> AsyncIterator[list[TransactionalStage]]:
    stages: list[TransactionalStage] = []
    yield stages
    network.proxy.speak()
    await asyncio.gather(*(stage.stop() for stage in stages))


def stage_of(
    network: Network, task: type[Restoring], settings: StageSettings, *, name: str
) -> TransactionalStage:
    return TransactionalStage(
        network.connection,
        NoGroup(),
        stage=name,
        group=name,
        make_task=task,
        settings=settings,
    )


async def test_a_restore_that_falls_silent_is_tried_again_from_its_beginning(
    network: Network, stages: list[TransactionalStage]
) -> None:
    task = task_of(network, silences=1)
    stage = stage_of(network, task, StageSettings(silence_s=2.0), name="again")
    stages.append(stage)
    await stage.assigned([P0])

    async def tried_again() -> bool:
        await stage.tick(1)
        return stage.openings.retries >= 1

    await until(tried_again)
    network.proxy.speak()
    await until(lambda: not stage.restoring)
    await stage.tick(1)
    (opened,) = stage.tasks.values()
    assert isinstance(opened, Restoring)
    assert opened.restored_rows == BLOCKS * ROWS
    assert task.tries >= 2


async def test_a_restore_that_stays_silent_ends_the_worker_with_a_code_and_a_reason(
    network: Network, stages: list[TransactionalStage]
) -> None:
    settings = StageSettings(silence_s=2.0, transaction_s=20.0, open_retry_s=25.0)
    stage = stage_of(network, task_of(network, silences=1), settings, name="never")
    stages.append(stage)
    await stage.assigned([P0])
    await until(lambda: not stage.restoring)
    with pytest.raises(Unavailable) as caught:
        await stage.tick(1)
    assert exit_code(caught.value) is ExitCode.UNAVAILABLE
    assert "no answer" in str(caught.value) or "stopped at" in str(caught.value)
    network.proxy.speak()


async def test_a_worker_whose_restore_is_silent_lets_its_partition_go_when_it_is_revoked(
    network: Network, stages: list[TransactionalStage]
) -> None:
    stage = stage_of(network, task_of(network, silences=1), StageSettings(), name="revoked")
    stages.append(stage)
    await stage.assigned([P0])
    task = stage._slots[0]
    await until(lambda: not network.proxy._flows.is_set())
    async with asyncio.timeout(240):
        await stage.revoked([P0])
    assert task.filling is not None
    assert task.filling.cancelled()
    network.proxy.speak()
