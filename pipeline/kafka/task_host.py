"""One open task: its state, its producer, its position.

Adding a chunk and taking a flush exclude each other without a lock: neither awaits, and both run
on one event loop. What a flush took is sent in the background while the next chunk is added;
the next flush waits for it. Any failure makes the host useless: its task may hold rows that are
not committed, so it is dropped and another one opened from what is.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from pipeline.codecs.chunk import Chunk
from pipeline.codecs.raw_chunk import RawChunk, joined
from pipeline.domain.errors import Fenced, OurMistake, Unavailable
from pipeline.engine.stage import Block, Flush, MarkBlock, StageTask
from pipeline.kafka.figures import CommitFigures
from pipeline.kafka.pace import Pace
from pipeline.kafka.transactions import GroupOffsets, Transactions

log = structlog.get_logger(__name__)

JOINED_ROWS: Final = 20_000
JOINED_BYTES: Final = 16 << 20
"""Smaller chunks wait until so much of their topic is there, or a commit begins."""

METADATA_LIMIT: Final = 4096
"""Bytes that a broker takes with an offset (``offset.metadata.max.bytes``)."""


@dataclass(slots=True)
class TaskPosition:
    """Next offsets of the inputs, in their order, and what is stored with the first.

    ``unread`` are inputs that the group never committed: their first chunk may begin anywhere.
    """

    offsets: dict[str, int]
    metadata: str
    unread: set[str] = field(default_factory=set)


class TaskHost:
    """Feeds one task and commits what it flushes, together with its position."""

    def __init__(
        self,
        partition: int,
        *,
        group: str,
        task: StageTask,
        transactions: Transactions,
        position: TaskPosition,
        figures: CommitFigures,
        restored_s: Mapping[str, float],
        accept_lost_rows: bool = False,
    ) -> None:
        self.partition = partition
        self.committed: Mapping[str, int] = dict(position.offsets)
        self._group = group
        self.task = task
        self.restored_s = restored_s
        self._transactions = transactions
        self._next = position.offsets
        self._metadata = position.metadata
        self._unread = position.unread
        self._accept_lost_rows = accept_lost_rows
        self._figures = figures
        self._rows = 0
        self._size = 0
        self._waiting: dict[str, list[Chunk]] = {}
        self._more = False
        self._began = time.monotonic()
        self._sending: asyncio.Task[None] | None = None

    @property
    def rows(self) -> int:
        """Return how many rows were added since the last flush."""
        return self._rows

    @property
    def size(self) -> int:
        """Return how many bytes were added since the last flush."""
        return self._size

    def next_offset(self, topic: str) -> int:
        """Return the next offset this task takes."""
        return self._next[topic]

    def add(self, chunk: Chunk) -> None:
        """Add what is new in the chunk.

        Raises OurMistake if rows before it are missing, unless they are accepted as lost.
        """
        position = self._next[chunk.topic]
        if chunk.next_offset <= position:
            return
        if chunk.fetch_offset > position and chunk.topic not in self._unread:
            self._miss(chunk.topic, position, chunk.fetch_offset)
        self._unread.discard(chunk.topic)
        new = chunk.since(position) if chunk.fetch_offset < position else chunk
        if len(new):
            self._give(new)
            self._rows += len(new)
            self._size += new.size
        self._next[chunk.topic] = chunk.next_offset

    def _miss(self, topic: str, start: int, end: int) -> None:
        gone = (
            f"{topic} {self.partition}: the rows from {start} to {end} are gone, "
            "probably older than the topic's retention"
        )
        if not self._accept_lost_rows:
            raise OurMistake(
                f"{gone}. To go on without them, start with CANVAS_TELEMETRY_ACCEPT_LOST_ROWS=true "
                "once; do not reset the group: it holds the state."
            )
        log.warning("lost rows accepted", said=gone)

    def _give(self, chunk: Chunk) -> None:
        """Add a chunk to the task, small ones of whole batches together."""
        waiting = self._waiting.setdefault(chunk.topic, [])
        waiting.append(chunk)
        many = sum(map(len, waiting)) >= JOINED_ROWS
        large = sum(each.size for each in waiting) >= JOINED_BYTES
        if many or large or not isinstance(chunk, RawChunk):
            self._add_waiting(chunk.topic)

    def _add_waiting(self, topic: str) -> None:
        for chunk in joined(self._waiting.pop(topic, ())):
            self.task.add(chunk)

    @property
    def _under_way(self) -> bool:
        return self._sending is not None and not self._sending.done()

    def tick(self, now: int) -> None:
        """Pass the wall clock on."""
        self.task.tick(now)

    def due(self, pace: Pace, *, behind: bool) -> bool:
        """Say whether a commit should begin; none begins while one is under way."""
        if self._under_way:
            return False
        if self._more:
            return True
        return pace.due(self._rows, self._size, time.monotonic() - self._began, behind=behind)

    def begin_commit(self) -> None:
        """Take the flush and the position now and send them in the background.

        Nothing is sent if neither changed. Raises what the last commit failed with.
        """
        self.check()
        for topic in tuple(self._waiting):
            self._add_waiting(topic)
        flush = self.task.flush()
        self._more = flush is not None and flush.more
        rows, self._rows, self._size = self._rows, 0, 0
        self._began = time.monotonic()
        if flush is None and self._next == self.committed:
            return
        self._sending = asyncio.create_task(
            self._send(flush, dict(self._next), rows), name=f"commit-{self.partition}"
        )

    def check(self) -> None:
        """Raise what the last commit failed with, if it did."""
        if self._sending is not None and self._sending.done():
            self._sending.result()

    async def sent(self) -> None:
        """Wait for the commit under way; raise what it fails with."""
        if self._sending is not None:
            await asyncio.shield(self._sending)

    async def settle(self) -> None:
        """Commit everything that was added."""
        while self._under_way:
            await self.sent()
        self.begin_commit()
        await self.sent()

    async def reaffirm(self) -> None:
        """Commit nothing but the position: it succeeds only if nobody took the task over."""
        await self._transactions.send([], self._offsets(self.committed))

    async def close(self) -> None:
        """Release the producer; what is not committed is lost, and will be read again."""
        if self._sending is not None and not self._sending.done():
            self._sending.cancel()
        if self._sending is not None:
            await asyncio.wait([self._sending])
            if not self._sending.cancelled():
                self._sending.exception()
        await self._transactions.stop()

    async def _send(self, flush: Flush | None, positions: dict[str, int], rows: int) -> None:
        began = time.monotonic()
        if flush is not None:
            self._metadata = _checked(flush.metadata)
        blocks = [] if flush is None else flush.blocks
        try:
            firsts = await self._transactions.send(blocks, self._offsets(positions))
        except (Fenced, Unavailable):
            self._figures.failures += 1
            raise
        self.committed = positions
        if flush is not None:
            self.task.delivered(firsts)
        self._figures.record(rows, _records(blocks), time.monotonic() - began)

    def _offsets(self, positions: Mapping[str, int]) -> GroupOffsets:
        first = next(iter(positions))
        return GroupOffsets(
            self._group,
            {
                (topic, self.partition): (offset, self._metadata if topic == first else "")
                for topic, offset in positions.items()
            },
        )


def _records(blocks: Sequence[Block | MarkBlock]) -> dict[str, int]:
    """Return how many records go to each topic."""
    counts: dict[str, int] = {}
    for block in blocks:
        count = 1 if isinstance(block, MarkBlock) else len(block.keys)
        counts[block.topic] = counts.get(block.topic, 0) + count
    return counts


def _checked(metadata: str) -> str:
    size = len(metadata.encode())
    if size > METADATA_LIMIT:
        raise OurMistake(f"Commit metadata of {size} bytes; the limit is {METADATA_LIMIT}.")
    return metadata
