"""A connection of its own for every test, and blocks to publish."""

import pytest

from pipeline.kafka.connection import KafkaConnection
from tests.support.stack import Stack


@pytest.fixture
def connection(stack: Stack, topic_prefix: str) -> KafkaConnection:
    """The stack's brokers under a prefix that no other test uses."""
    return KafkaConnection(stack.bootstrap_servers, prefix=topic_prefix)
