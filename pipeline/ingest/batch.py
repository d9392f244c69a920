"""Gathers what goes into one transaction: rows, marks, cursors."""

import asyncio
from collections import Counter
from typing import Generic

import polars as pl

from pipeline.codecs.completeness import Hour
from pipeline.codecs.marks import Mark
from pipeline.domain.topics import INGEST_CURSORS, Topic
from pipeline.engine.stage import Block, MarkBlock
from pipeline.ingest.clock import Clock
from pipeline.ingest.cursors import C, CursorBook
from pipeline.ingest.encoding import BlockEncoder
from pipeline.ingest.publisher import Publisher
from pipeline.ingest.worker_thread import WorkerThread


class TransactionBatch(Generic[C]):
    """Blocks of one transaction after another; one is sent while the next is prepared.

    ``flush`` hands over what was gathered since the last one, with the cursors of all files that
    it speaks of and the mark; transactions are sent one at a time, in order. After an error nothing
    more is sent: the outcome of the failed one is in the cursors, which the next run reads.
    """

    def __init__(
        self,
        publisher: Publisher,
        encoder: BlockEncoder,
        book: CursorBook[C],
        clock: Clock,
        worker: WorkerThread,
    ) -> None:
        self._publisher = publisher
        self._encoder = encoder
        self._book = book
        self._clock = clock
        self._worker = worker
        self._blocks: list[Block | MarkBlock] = []
        self._pending: tuple[Topic, list[pl.DataFrame]] | None = None
        self._cursors: dict[str, C] = {}
        self._repeated: Counter[Hour] = Counter()
        self._in_flight: asyncio.Task[list[int]] | None = None
        self.rows = 0

    async def add(self, topic: Topic, frame: pl.DataFrame) -> None:
        """Add rows behind those added before."""
        if self._pending is not None and self._pending[0] is not topic:
            await self._encode()
        if self._pending is None:
            self._pending = (topic, [])
        self._pending[1].append(frame)
        self.rows += frame.height

    async def add_mark(self, topic: Topic, mark: Mark) -> None:
        """Add a mark behind the rows added so far, if it is above the last one."""
        if not self._book.raises(mark.at):
            return
        await self._encode()
        self._blocks.extend(self._encoder.marks(topic, mark))
        self._book.mark = mark.at

    def add_repeated(self, hour: Hour, rows: int) -> None:
        """Count rows that are not published because their source gave them before."""
        if rows:
            self._repeated[hour] += rows

    def move(self, subject: str, cursor: C) -> None:
        """Set how far a content is published once this transaction is."""
        self._book.files[subject] = cursor
        self._cursors[subject] = cursor

    async def flush(self) -> None:
        """Send what was gathered, after the transaction before it has been committed."""
        await self._encode()
        if not self._blocks and not self._cursors:
            return
        now = self._clock()
        self._blocks.extend(self._encoder.repeated(self._repeated, now))
        records = self._book.records(self._cursors, now)
        self._blocks.extend(self._encoder.blocks(INGEST_CURSORS, records))
        blocks, self._blocks, self._cursors, self.rows = self._blocks, [], {}, 0
        self._repeated = Counter()
        await self.settle()
        self._in_flight = asyncio.ensure_future(self._publisher.publish(blocks))

    async def settle(self) -> None:
        """Wait for the transaction under way; raise what it raises."""
        if self._in_flight is not None:
            task, self._in_flight = self._in_flight, None
            await task

    async def abandon(self) -> None:
        """Wait for the transaction under way and forget the rest: something else has failed."""
        task, self._in_flight = self._in_flight, None
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)

    async def _encode(self) -> None:
        if self._pending is None:
            return
        topic, frames = self._pending
        self._pending = None
        self._blocks.extend(await self._worker.run(self._encoded, topic, frames))

    def _encoded(self, topic: Topic, frames: list[pl.DataFrame]) -> list[Block]:
        return list(self._encoder.blocks(topic, pl.concat(frames)))
