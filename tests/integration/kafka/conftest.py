"""A connection of its own for every test, and one partition of a log."""

import pytest

from pipeline.kafka.connection import KafkaConnection
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
