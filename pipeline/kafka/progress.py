"""How far groups have come: ends, committed positions with metadata, lag."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from pipeline.domain.errors import OurMistake
from pipeline.kafka.broker_errors import broker_errors
from pipeline.kafka.clients import ASK_LIMIT_S, admin_client, reader
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.group_offsets import group_offsets

Partition = tuple[str, int]


class Committed(NamedTuple):
    """A group's next offset in a partition, and what was stored with it."""

    offset: int
    metadata: str


class Lag(NamedTuple):
    """Where a group stands in a partition; ``committed`` None: it never committed.

    ``behind`` counts offsets, markers included: 0 means read to the last stable offset.
    """

    end: int
    committed: int | None
    behind: int


@asynccontextmanager
async def _answered(doing: str) -> AsyncIterator[None]:
    """Bound one question; raise Unavailable, OurMistake for what it fails with."""
    with broker_errors(doing):
        async with asyncio.timeout(ASK_LIMIT_S):
            yield


class Progress:
    """Asks the brokers; an async context manager that keeps its connections for polling.

    Topics are without prefix. Every method raises Unavailable, OurMistake.
    """

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._admin: AIOKafkaAdminClient = await stack.enter_async_context(
                admin_client(self._connection)
            )
            self._reader: AIOKafkaConsumer = await stack.enter_async_context(
                reader(self._connection)
            )
            self._uncommitted: AIOKafkaConsumer = await stack.enter_async_context(
                reader(self._connection, committed=False)
            )
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def ends(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Return the last stable offset of every partition: what read_committed can reach."""
        return await self._offsets(self._reader, topics)

    async def beginnings(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Return the first offset that every partition still has."""
        tps = await self._partitions(topics)
        async with _answered("Reading the first offsets"):
            return self._bare(await self._reader.beginning_offsets(tps) if tps else {})

    async def committed(self, group: str, topics: Iterable[str]) -> dict[Partition, Committed]:
        """Return what the group committed; partitions it never committed are missing."""
        tps = await self._partitions(topics)
        offsets = await group_offsets(self._admin, self._connection.named(group), tps)
        return {
            (self._connection.bare(tp.topic), tp.partition): Committed(each.offset, each.metadata)
            for tp, each in offsets.items()
            if each.offset >= 0
        }

    async def lag(
        self, group: str, topics: Iterable[str], *, written: bool = False
    ) -> dict[Partition, Lag]:
        """Return the group's lag in every partition.

        ``written``: up to the last offset that was written, so that what a transaction holds back
        counts; its markers come a moment after its commit was answered.
        """
        names = tuple(topics)
        committed = await self.committed(group, names)
        # Ends after positions: a lag of 0 was true at some moment in between.
        ends = await self._offsets(self._uncommitted if written else self._reader, names)
        beginnings = await self.beginnings(names)
        lags: dict[Partition, Lag] = {}
        for key, end in ends.items():
            position = committed.get(key)
            at = beginnings[key] if position is None else position.offset
            lags[key] = Lag(end, None if position is None else position.offset, max(end - at, 0))
        return lags

    async def _offsets(
        self, consumer: AIOKafkaConsumer, topics: Iterable[str]
    ) -> dict[Partition, int]:
        tps = await self._partitions(topics)
        async with _answered("Reading the last offsets"):
            return self._bare(await consumer.end_offsets(tps) if tps else {})

    async def _partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        async with _answered("Listing the topics"):
            described = {each["topic"]: each for each in await self._admin.describe_topics()}
        tps: list[TopicPartition] = []
        for topic in topics:
            name = self._connection.named(topic)
            if name not in described:
                raise OurMistake(f"Topic {name} does not exist: create the topics first.")
            tps += [
                TopicPartition(name, each["partition"]) for each in described[name]["partitions"]
            ]
        return tps

    def _bare(self, offsets: Mapping[TopicPartition, int]) -> dict[Partition, int]:
        return {
            (self._connection.bare(tp.topic), tp.partition): offset
            for tp, offset in offsets.items()
        }
