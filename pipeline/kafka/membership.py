"""A worker's membership in its consumer group, as handlers see it."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final, cast

import structlog
from aiokafka.errors import CommitFailedError, IllegalStateError
from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from pipeline.domain.errors import Unavailable
from pipeline.kafka.broker_errors import broker_errors
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.faust_hooks import ChunkApp, ChunkConsumer
from pipeline.kafka.fetched import Reach

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
        self._paused: set[TP] = set()
        self._paused_in = -1

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
        """Return the last known stable offset of an assigned partition; None: nothing is known."""
        return self._ends.get((topic, partition))

    def reached(self, topic: str, partition: int, end: int) -> None:
        """Take note of the stable offset that came with a fetch."""
        self._ends[topic, partition] = max(end, self._ends.get((topic, partition), 0))

    async def rejoin(self) -> None:
        """Ask the group for a new assignment; revoked and assigned follow. Raises Unavailable."""
        with broker_errors("Asking for a new assignment"):
            async with asyncio.timeout(ACKNOWLEDGE_LIMIT_S):
                await self._consumer.rejoin()

    def pause(self, partitions: Collection[Partition]) -> None:
        """Fetch nothing more of these partitions until ``resume`` or the next assignment."""
        if self._paused_in != self.epoch:
            self._paused, self._paused_in = set(), self.epoch
        self._paused |= self._named(partitions)
        self._consumer.pause_partitions(self._named(partitions))

    def resume(self, partitions: Collection[Partition]) -> None:
        """Fetch these partitions again."""
        self._paused -= self._named(partitions)
        self._consumer.resume_partitions(self._named(partitions))

    async def refresh(self) -> Mapping[Partition, Reach]:
        """Ask the brokers how far the assigned partitions go. Raises Unavailable."""
        with broker_errors("Asking for the ends of the topics"):
            try:
                async with asyncio.timeout(ACKNOWLEDGE_LIMIT_S):
                    reach = await self._consumer.reach()
            except ConsumerNotStarted as error:
                raise Unavailable("The consumer has not started yet.") from error
        paused = self._paused if self._paused_in == self.epoch else set()
        self._waiting = any(
            each.fetched is None or each.fetched < each.end
            for tp, each in reach.items()
            if tp not in paused
        )
        found = {
            (self._connection.bare(tp.topic), tp.partition): each for tp, each in reach.items()
        }
        self._ends = {partition: each.end for partition, each in found.items()}
        return found

    @property
    def waiting(self) -> bool:
        """Return whether the brokers had something to fetch at the last refresh.

        A partition whose position is not known yet waits for that at least.
        """
        return self._waiting

    @property
    def epoch(self) -> int:
        """Return the number of the present assignment."""
        return self._consumer.epoch

    def _named(self, partitions: Collection[Partition]) -> set[TP]:
        return {TP(self._connection.named(topic), number) for topic, number in partitions}

    @property
    def _consumer(self) -> ChunkConsumer:
        return cast(ChunkConsumer, self._app.consumer)
