"""A connection of its own for every test, one partition of a log, and a registry server."""

from collections.abc import Iterator

import pytest

from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.registry import RegistryAccess
from tests.support.apicurio import apicurio
from tests.support.partition_log import Log
from tests.support.stack import Stack


@pytest.fixture
def connection(stack: Stack, topic_prefix: str) -> KafkaConnection:
    """The stack's brokers under a prefix that no other test uses."""
    return KafkaConnection(stack.bootstrap_servers, prefix=topic_prefix)


@pytest.fixture
def log(connection: KafkaConnection) -> Log:
    """One partition, not created yet."""
    return Log(connection)


@pytest.fixture(scope="session")
def registry_access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegistryAccess]:
    """A real registry server, started by the first test that asks for it."""
    with apicurio(tmp_path_factory.mktemp("registry")) as server:
        yield RegistryAccess(server.url)
