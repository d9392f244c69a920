"""The stage that keeps ClickHouse current."""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping

import structlog

from pipeline.codecs.chunk import Chunk
from pipeline.codecs.raw_chunk import RawChunk
from pipeline.codecs.schemas import Schemas
from pipeline.domain import topics
from pipeline.domain.errors import Fenced, OurMistake, Unavailable
from pipeline.sink.batch import Partition
from pipeline.sink.delivery import Acknowledge, Delivery
from pipeline.sink.destination import Destination
from pipeline.sink.erasing import sweep
from pipeline.sink.pace import Pace
from pipeline.sink.reading import Reader
from pipeline.sink.waiting import Waiting

_log = structlog.get_logger(__name__)


class ClickHouseSink:
    """Inserts every topic into its table and acknowledges offsets after that, never before.

    So a crash repeats rows, which the tables bear, and loses none. Rows of all partitions share
    a batch. ``add`` waits while the batch is full. An insert running in the background that
    failed is raised by the next ``add`` or ``tick``; its rows are kept and tried again.
    ``bad`` and ``marks`` count records that were no rows.
    """

    def __init__(
        self,
        destination: Destination,
        schemas: Schemas,
        acknowledge: Acknowledge,
        pace: Pace | None = None,
    ) -> None:
        self.bad = 0
        self.marks = 0
        self._destination = destination
        self._pace = pace or Pace()
        self._reader = Reader(schemas)
        self._delivery = Delivery(destination, self._reader, acknowledge)
        self._began: dict[Partition, int] = {}
        self._read: dict[Partition, int] = {}
        self._losses: Counter[Partition] = Counter()
        self._waiting = Waiting()
        self._adding = asyncio.Lock()
        self._decoding = asyncio.Lock()
        self._sending: asyncio.Task[None] | None = None
        self._newest_ms = 0
        self._busy = False
        self._since: int | None = None
        self._erases = False
        self._next_sweep = 0
        self._now = 0

    @property
    def inserted(self) -> Mapping[str, int]:
        """Rows inserted per table, repetitions included."""
        return self._delivery.inserted

    @property
    def waiting_rows(self) -> int:
        """Rows read that ClickHouse has not acknowledged."""
        return self._delivery.rows + self._waiting.rows

    @property
    def trouble(self) -> str | None:
        """Why ClickHouse is being waited for; None while all is well."""
        return self._destination.trouble

    @property
    def retries(self) -> int:
        """Statements that had to be tried again."""
        return self._destination.retries

    def positions(self) -> Mapping[Partition, int]:
        """Return the acknowledged next offsets; before the first, where the partition began."""
        return self._began | self._delivery.committed

    async def assigned(self, partitions: Collection[Partition]) -> None:
        """Prepare to receive partitions; each starts where its first chunk was fetched."""
        self._lose(partitions)
        if _has_erasures(partitions):
            self._erases, self._next_sweep = True, 0

    async def revoked(self, partitions: Collection[Partition]) -> None:
        """Insert and acknowledge what is read, within the bound; the next owner reads the rest."""
        await self._finish()
        self._lose(partitions)
        if _has_erasures(partitions):
            self._erases = False

    async def add(self, chunk: Chunk) -> None:
        """Take a chunk; what lies below the position is skipped.

        Raises OurMistake if offsets before the chunk never came.
        """
        partition = (chunk.topic, chunk.partition)
        async with self._adding:
            self._raise_failure()
            self._began.setdefault(partition, chunk.fetch_offset)
            position = self._read.get(partition, chunk.fetch_offset)
            if chunk.fetch_offset > position:
                raise OurMistake(
                    f"Offsets {position} to {chunk.fetch_offset - 1} of {chunk.topic},"
                    f" partition {chunk.partition}, never came."
                )
            if chunk.next_offset <= position:
                return
            wanted = chunk.since(position) if chunk.fetch_offset < position else chunk
            if isinstance(wanted, RawChunk):
                self._read[partition] = wanted.next_offset
                self._waiting.add(partition, wanted)
                self._seen(wanted.newest_ms)
            else:
                await self._decode_waiting()
                if await self._decoded(partition, wanted):
                    self._read[partition] = wanted.next_offset
            await self._keep_bounds()

    async def tick(self, now: int) -> None:
        """Start an insert when one is due."""
        self._now = now
        self._raise_failure()
        if self._delivery.stuck or self._due(now) or (self._erases and now >= self._next_sweep):
            self._send()
        self._busy = False

    async def stop(self) -> None:
        """Insert and acknowledge what is read, within the bound."""
        await self._finish()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)
            self._sending = None

    async def _decoded(self, partition: Partition, chunk: Chunk) -> bool:
        """Put a chunk's rows into the batch; say no if its partition was taken away meanwhile."""
        losses = self._losses[partition]
        portion = await asyncio.to_thread(self._reader.read, chunk)
        if self._losses[partition] != losses:
            return False
        self._delivery.filling.add(portion.frames, partition, chunk.next_offset)
        self.bad += portion.bad
        self.marks += portion.marks
        self._seen(portion.newest_ms)
        return True

    async def _decode_waiting(self) -> None:
        """Put the rows of waiting chunks into the batch; what cannot be decoded goes on waiting."""
        async with self._decoding:
            for partition in self._waiting.partitions():
                chunk = self._waiting.first(partition)
                if chunk is not None:
                    await self._decoded(partition, chunk)
                    self._waiting.done(partition, chunk)

    def _seen(self, newest_ms: int | None) -> None:
        self._busy = True
        if newest_ms is not None:
            self._newest_ms = newest_ms

    def _due(self, now: int) -> bool:
        filling = self._delivery.filling
        if not filling and not self._waiting:
            return False
        if self._since is None:
            self._since = now
        behind = self._busy and now - self._newest_ms * 1000 > self._pace.behind_after
        interval = self._pace.behind_interval if behind else self._pace.interval
        return filling.largest >= self._pace.rows or now - self._since >= interval

    async def _keep_bounds(self) -> None:
        pace = self._pace
        if self._waiting.enough:
            await self._decode_waiting()
        if self._delivery.filling.largest >= pace.rows:
            self._send()
        while (
            self._delivery.filling.rows >= pace.most_rows
            or self._delivery.filling.size >= pace.most_bytes
        ):
            await asyncio.wait({self._send()})
            self._raise_failure()

    def _send(self) -> asyncio.Task[None]:
        if self._sending is None or self._sending.done():
            self._raise_failure()
            self._since = None
            self._sending = asyncio.create_task(self._deliver())
        return self._sending

    async def _deliver(self) -> None:
        await self._decode_waiting()
        await self._delivery.send()
        if self._erases and self._now >= self._next_sweep:
            self._next_sweep = self._now + self._pace.sweep_every
            await sweep(self._destination)

    def _raise_failure(self) -> None:
        if self._sending is not None and self._sending.done():
            done, self._sending = self._sending, None
            done.result()

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(self._pace.leave_within_s):
                while self._delivery.waiting or self._waiting:
                    await asyncio.wait({self._send()})
                    self._raise_failure()
        except (TimeoutError, Unavailable, Fenced) as error:
            # Nothing is lost: what was not acknowledged is read again by the next owner.
            _log.warning(
                "sink leaves rows to the next owner",
                rows=self.waiting_rows,
                error=str(error) or type(error).__name__,
            )

    def _lose(self, partitions: Collection[Partition]) -> None:
        self._delivery.disown(partitions)
        self._waiting.lose(partitions)
        for partition in partitions:
            self._began.pop(partition, None)
            self._read.pop(partition, None)
            self._losses[partition] += 1


def _has_erasures(partitions: Collection[Partition]) -> bool:
    return any(topic == topics.ERASURES.name for topic, _ in partitions)
