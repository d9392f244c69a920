"""Following a small topic of one partition: all of it at first, then what is new.

For consumers whose state is the topic itself, like ``notify``: one member of the group has the
partition, reads it from its beginning, and is told from where on records are new to the group.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, NamedTuple, Self

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from pipeline.codecs.chunk import Record
from pipeline.kafka.broker_errors import broker_errors
from pipeline.kafka.clients import FETCH_BYTES, START_LIMIT_S, STOP_LIMIT_S, reader
from pipeline.kafka.connection import KafkaConnection

LONGEST_POLL_MS: Final = 86_400_000
"""A follower whose receivers are away may not poll for hours, and stays a member."""

SESSION_MS: Final = 1000
MOST_RECORDS: Final = 500


class Followed(NamedTuple):
    """What a poll gave.

    ``began``: the partition was given anew, so everything comes again, from its beginning.
    ``new_from``: records below it were committed. ``caught_up``: all that was there when it
    began has been given.
    """

    records: list[Record]
    began: bool
    new_from: int
    caught_up: bool


class TopicFollower(ConsumerRebalanceListener):  # type: ignore[misc]
    """A member of a group; an async context manager. Raises Unavailable, OurMistake."""

    def __init__(
        self,
        connection: KafkaConnection,
        topic: str,
        group: str,
        *,
        session_s: float = 30.0,
        instance: str | None = None,
    ) -> None:
        self._topic = topic
        self._tp = TopicPartition(connection.named(topic), 0)
        self._group = connection.named(group)
        self._arguments: dict[str, Any] = {
            **connection.client_arguments(),
            "group_id": self._group,
            "group_instance_id": instance,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "isolation_level": "read_committed",
            "max_partition_fetch_bytes": FETCH_BYTES,
            "max_poll_interval_ms": LONGEST_POLL_MS,
            "session_timeout_ms": int(session_s * SESSION_MS),
            "heartbeat_interval_ms": int(session_s * SESSION_MS / 10),
            "fetch_max_wait_ms": 200,
        }
        self._begun = False
        self._said = False
        self._until = self._new_from = 0

    async def __aenter__(self) -> Self:
        self._consumer = AIOKafkaConsumer(**self._arguments)
        try:
            with broker_errors(f"Joining {self._group}"):
                async with asyncio.timeout(START_LIMIT_S):
                    await self._consumer.start()
            self._consumer.subscribe([self._tp.topic], listener=self)
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def _stop(self) -> None:
        task = asyncio.create_task(self._consumer.stop())
        await asyncio.wait([task], timeout=STOP_LIMIT_S)
        if not task.done():
            task.cancel()
        elif not task.cancelled():
            task.exception()  # it is given up in any case; its owner has the reason

    @property
    def assigned(self) -> bool:
        """Whether this member has the partition."""
        return self._tp in self._consumer.assignment()

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Do nothing: what was not committed is the next owner's."""

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Begin again at the beginning with the next poll."""
        if self._tp in assigned:
            self._begun = True

    async def poll(self, wait_s: float) -> Followed:
        """Return what came within ``wait_s``."""
        with broker_errors(f"Following {self._topic}"):
            async with asyncio.timeout(START_LIMIT_S + wait_s):
                if self._begun and self.assigned:
                    self._until = (await self._consumer.end_offsets([self._tp]))[self._tp]
                    self._new_from = await self._consumer.committed(self._tp) or 0
                    self._consumer.seek(self._tp, 0)
                    self._begun, self._said = False, False
                fetched = await self._consumer.getmany(
                    timeout_ms=int(wait_s * 1000), max_records=MOST_RECORDS
                )
                if self._begun or not self.assigned:
                    # The partition came or went meanwhile: it is read from its beginning next.
                    return Followed([], began=False, new_from=0, caught_up=False)
                place = await self._consumer.position(self._tp)
        began, self._said = not self._said, True
        records = [_record(one) for one in fetched.get(self._tp, [])]
        return Followed(records, began, self._new_from, caught_up=place >= self._until)

    async def commit(self, offset: int) -> None:
        """Say that all below an offset is done; a lost partition is left to its new owner."""
        if not self.assigned:
            return
        with broker_errors(f"Committing {self._topic}"):
            try:
                async with asyncio.timeout(START_LIMIT_S):
                    await self._consumer.commit({self._tp: offset})
            except (CommitFailedError, IllegalStateError):
                return


class TopicTail:
    """All records of a topic of one partition, without a group; an async context manager."""

    def __init__(self, connection: KafkaConnection, topic: str) -> None:
        self._topic = topic
        self._tp = TopicPartition(connection.named(topic), 0)
        self._connection = connection
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._consumer = await self._stack.enter_async_context(reader(self._connection, raw=False))
        self._consumer.assign([self._tp])
        self._consumer.seek(self._tp, 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def everything(self) -> list[Record]:
        """Return all that is there now and was not returned yet."""
        found: list[Record] = []
        with broker_errors(f"Reading {self._topic}"):
            async with asyncio.timeout(START_LIMIT_S):
                end = (await self._consumer.end_offsets([self._tp]))[self._tp]
                while await self._consumer.position(self._tp) < end:
                    fetched = await self._consumer.getmany(self._tp, timeout_ms=100)
                    found += [_record(one) for one in fetched.get(self._tp, [])]
        return found


def _record(one: Any) -> Record:
    headers = tuple((name, bytes(said or b"")) for name, said in one.headers)
    return Record(one.offset, one.timestamp, one.key, one.value, headers)
