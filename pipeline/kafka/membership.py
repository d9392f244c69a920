"""A worker's membership in its consumer group, as handlers see it."""

import asyncio
from collections.abc import Mapping
from typing import Final, cast

import structlog
from aiokafka.errors import CommitFailedError, IllegalStateError
from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from pipeline.domain.errors import Unavailable
from pipeline.kafka.broker_errors import broker_errors
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.faust_hooks import ChunkApp, ChunkConsumer

log = structlog.get_logger(__name__)

Partition = tuple[str, int]

ACKNOWLEDGE_LIMIT_S: Final = 15.0


class Membership:
    """Acknowledging, lag and rejoining; topics are without prefix."""

    def __init__(self, connection: KafkaConnection, app: ChunkApp) -> None:
        self._connection = connection
        self._app = app
        self._ends: dict[Partition, int] = {}
        self._waiting = False

    async def acknowledge(self, positions: Mapping[Partition, int]) -> None:
        """Commit next offsets of the group, without a transaction.

        Partitions lost meanwhile are left to their new owner, who reads them again.
        Raises Unavailable, OurMistake.
        """
        offsets = {
            TP(self._connection.named(topic), partition): offset
            for (topic, partition), offset in positions.items()
        }
        if not offsets:
            return
        with broker_errors("Acknowledging"):
            try:
                async with asyncio.timeout(ACKNOWLEDGE_LIMIT_S):
                    await self._consumer.commit_now(offsets)
            except (CommitFailedError, IllegalStateError):
                log.info("acknowledgement left to the next owner", partitions=len(offsets))

    def end(self, topic: str, partition: int) -> int | None:
        """Return the last known stable offset of an assigned partition; seconds old."""
        return self._ends.get((topic, partition))

    async def rejoin(self) -> None:
        """Ask the group for a new assignment; revoked and assigned follow."""
        await self._consumer.rejoin()

    async def refresh(self) -> Mapping[Partition, int]:
        """Ask the brokers for the stable ends of the assigned partitions. Raises Unavailable."""
        with broker_errors("Asking for the ends of the topics"):
            try:
                async with asyncio.timeout(ACKNOWLEDGE_LIMIT_S):
                    reach = await self._consumer.reach()
            except ConsumerNotStarted as error:
                raise Unavailable("The consumer has not started yet.") from error
        self._waiting = any(
            each.fetched is not None and each.fetched < each.end for each in reach.values()
        )
        self._ends = {
            (self._connection.bare(tp.topic), tp.partition): each.end for tp, each in reach.items()
        }
        return self._ends

    @property
    def waiting(self) -> bool:
        """Return whether the brokers had something to fetch at the last refresh."""
        return self._waiting

    @property
    def epoch(self) -> int:
        """Return the number of the present assignment."""
        return self._consumer.epoch

    @property
    def _consumer(self) -> ChunkConsumer:
        return cast(ChunkConsumer, self._app.consumer)
