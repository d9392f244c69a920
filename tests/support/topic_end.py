"""How far a topic has been written, asked quickly: what a test kills by."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from confluent_kafka import Consumer, TopicPartition

from tests.support.stack import Stack


@contextmanager
def topic_end(stack: Stack, topic: str, *, committed: bool = True) -> Iterator[Callable[[], int]]:
    """Ask for the sum of a topic's ends: its last stable offsets, or the last ones written."""
    consumer = Consumer(
        {
            "bootstrap.servers": stack.bootstrap_servers,
            "group.id": f"{topic}.watched",
            "isolation.level": "read_committed" if committed else "read_uncommitted",
        }
    )

    def end() -> int:
        partitions = consumer.list_topics(topic, timeout=60).topics[topic].partitions
        ends = (
            consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=60)
            for partition in partitions
        )
        return sum(high for _, high in ends)

    try:
        yield end
    finally:
        consumer.close()
