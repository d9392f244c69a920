"""For every test a connection, a stage and one partition of its own; and a registry server."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.registry import RegistryAccess
from pipeline.kafka.topics import create_topics
from tests.support.apicurio import apicurio
from tests.support.counting import COUNTING_TOPICS
from tests.support.partition_log import Log
from tests.support.stack import Stack
from tests.support.stage_bench import Bench


@pytest.fixture
def connection(stack: Stack, topic_prefix: str) -> KafkaConnection:
    """The stack's brokers under a prefix that no other test uses."""
    return KafkaConnection(stack.bootstrap_servers, prefix=topic_prefix)


@pytest.fixture
async def bench(connection: KafkaConnection) -> AsyncIterator[Bench]:
    """A stage that counts, and its input, on topics of its own."""
    await create_topics(connection, COUNTING_TOPICS, partitions=2, replication=1)
    bench = Bench(connection)
    await bench.publisher.start()
    yield bench
    await asyncio.gather(*(stage.stop() for stage in bench.stages))
    await bench.publisher.stop()


@pytest.fixture
def log(connection: KafkaConnection) -> Log:
    """One partition, not created yet."""
    return Log(connection)


@pytest.fixture(scope="session")
def registry_access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryAccess]:
    """A real registry server, started by the first test that asks for it."""
    with apicurio(tmp_path_factory.mktemp("registry")) as server:
        yield RegistryAccess(server.url)
