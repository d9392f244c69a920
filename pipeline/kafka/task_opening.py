"""Opening a task: fence, then read the committed position, then restore.

The order is what makes it safe: after the fence the old owner can commit nothing more, so the
position read next is final. aiokafka reads offsets without ``require_stable`` (OffsetFetch v3),
so a position may still be the one before the last commit; the task notices, because its restored
output speaks of a later moment, and the opening is tried again.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline.domain.errors import OurMistake, RestoreMismatch
from pipeline.engine.stage import Reread, StageTask
from pipeline.kafka.broker_errors import broker_errors
from pipeline.kafka.clients import ADMIN_LIMIT_S, ASK_LIMIT_S, admin_client, reader
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.figures import CommitFigures
from pipeline.kafka.group_offsets import group_offsets
from pipeline.kafka.leaders import leaders_known
from pipeline.kafka.ranges import read_range
from pipeline.kafka.task_host import TaskHost, TaskPosition
from pipeline.kafka.transactions import Transactions

MISMATCH_WAITS_S: Final = (0.1, 0.2, 0.4, 0.8, 1.6)
"""Pauses before a restore that did not fit is tried again; then it is an error."""


class Restored(NamedTuple):
    """A task, its position, and the seconds that reading each topic again took."""

    task: StageTask
    position: TaskPosition
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class TaskOpening:
    """All that opening any task of a stage needs.

    ``transaction_s``: timeout of a transaction, and limit of the fence. ``silence_s``: how long a
    restore waits for the next records. With the limits of ``clients`` no step can hang.
    """

    connection: KafkaConnection
    stage: str
    group: str
    app: str
    make_task: Callable[[int], StageTask]
    transaction_s: float
    silence_s: float
    figures: CommitFigures
    accept_lost_rows: bool = False

    async def open(self, partition: int) -> TaskHost:
        """Return the partition's task, restored; ``restored_s`` of it says what was read how long.

        Raises Unavailable, Fenced, OurMistake, RestoreMismatch.
        """
        transactions = Transactions(
            self.connection,
            f"{self.app}-{self.stage}-{partition}",
            timeout_s=self.transaction_s,
            client_suffix=f"-{self.stage}-{partition}",
        )
        await leaders_known(self.connection)
        await transactions.start()
        try:
            task, position, seconds = await self._restored(partition)
        except BaseException:
            await transactions.stop()
            raise
        return TaskHost(
            partition,
            group=self.group,
            task=task,
            transactions=transactions,
            position=position,
            figures=self.figures,
            restored_s=seconds,
            accept_lost_rows=self.accept_lost_rows,
        )

    async def _restored(self, partition: int) -> Restored:
        for wait_s in MISMATCH_WAITS_S:
            try:
                return await self._restore(partition)
            except RestoreMismatch:
                await asyncio.sleep(wait_s)
        return await self._restore(partition)

    async def _restore(self, partition: int) -> Restored:
        task, seconds = self.make_task(partition), dict[str, float]()
        async with reader(self.connection) as consumer:
            position = await self._position(consumer, task.inputs, partition)
            metadata = position.metadata if task.inputs[0] not in position.unread else None
            asked = task.rereads(dict(position.offsets), metadata)
            for reread, start, end in await self._ranges(asked):
                began = time.monotonic()
                async for chunk in read_range(
                    consumer,
                    self.connection,
                    reread.topic,
                    reread.partition,
                    start=start,
                    end=end,
                    silence_s=self.silence_s,
                ):
                    task.restore(reread, chunk)
                seconds[reread.topic] = time.monotonic() - began
        task.restored()
        return Restored(task, position, seconds)

    async def _ranges(self, asked: Sequence[Reread]) -> list[tuple[Reread, int, int]]:
        """Return what to read of each topic, up to its end where the task says no other.

        The end of all that is written, not of what is stable: others write to a stage's output
        too (``recompute``), and what the task committed behind their open transaction is its
        state. A start behind the end says that the topic was made anew: all of it is read.
        """
        if not asked:
            return []
        found = []
        async with reader(self.connection, committed=False) as consumer:
            with broker_errors(f"Reading the ends of the outputs of {self.stage}"):
                for each in asked:
                    async with asyncio.timeout(ASK_LIMIT_S):
                        found.append((each, *await self._range(consumer, each)))
        return found

    async def _range(self, consumer: AIOKafkaConsumer, asked: Reread) -> tuple[int, int]:
        tp = TopicPartition(self.connection.named(asked.topic), asked.partition)
        end = asked.end
        if end is None:
            end = (await consumer.end_offsets([tp]))[tp]
        start = asked.start if asked.start <= end else 0
        if asked.since is None:
            return start, end
        first = (await consumer.offsets_for_times({tp: max(asked.since // 1000, 0)}))[tp]
        return (end if first is None else max(start, first.offset)), end

    async def _position(
        self, consumer: AIOKafkaConsumer, inputs: tuple[str, ...], partition: int
    ) -> TaskPosition:
        tps = {topic: TopicPartition(self.connection.named(topic), partition) for topic in inputs}
        async with admin_client(self.connection, limit_s=ADMIN_LIMIT_S) as admin:
            committed = await group_offsets(
                admin, self.connection.named(self.group), list(tps.values())
            )
        with broker_errors(f"Reading the ends of the inputs of {self.stage} {partition}"):
            async with asyncio.timeout(ASK_LIMIT_S):
                first = await consumer.beginning_offsets(list(tps.values()))
                end = await consumer.end_offsets(list(tps.values()))
        position = TaskPosition({}, committed[tps[inputs[0]]].metadata or "")
        for topic, tp in tps.items():
            offset = committed[tp].offset
            if offset > end[tp]:
                raise OurMistake(
                    f"{topic} {partition} ends at {end[tp]}, but {self.group} has read up to "
                    f"{offset}: the topic was made anew. Make all topics anew or use another "
                    "prefix, delete the groups, and raise CANVAS_TELEMETRY_GENERATION."
                )
            if offset < 0:
                position.unread.add(topic)
            position.offsets[topic] = offset if offset >= 0 else first[tp]
        return position
