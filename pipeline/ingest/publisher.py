"""What an agent asks of Kafka."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pipeline.engine.stage import Block, MarkBlock


class Publisher(Protocol):
    """Publishes blocks of records, each call as one transaction."""

    def partitions(self, topic: str) -> int:
        """Return how many partitions a topic has."""

    async def publish(self, blocks: Sequence[Block | MarkBlock]) -> list[int]:
        """Publish all blocks or none; return the first offset of each."""


class CursorSource(Protocol):
    """Reads what agents left in the topic of cursors."""

    async def read(self, topic: str) -> Mapping[bytes, bytes]:
        """Return the latest value of every key of a compacted topic."""
