"""Live Events from any delivery → transactions: what waits goes out together.

One transaction is in flight; what arrives meanwhile waits for the next. An event is acknowledged
to its source only when Kafka has acknowledged the transaction that holds it, as a row or as a dead
letter: so nothing acknowledged is ever lost, and what is delivered twice is dropped downstream by
its event key.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import polars as pl

from pipeline.codecs.dead_letters import dead_letters
from pipeline.codecs.live_event_rows import RawEvent, read_live_events
from pipeline.codecs.marks import Mark
from pipeline.codecs.record_limit import DEFAULT_LIMIT as DEFAULT_RECORD_LIMIT
from pipeline.domain import topics
from pipeline.domain.bad_record import BadRecord
from pipeline.domain.errors import Unavailable
from pipeline.domain.event_time import MINUTE
from pipeline.domain.feeds import LIVE_EVENTS
from pipeline.engine.stage import Block, MarkBlock
from pipeline.ingest.bad_limit import DEFAULT_SHARE, BadLimit
from pipeline.ingest.encoding import BlockEncoder
from pipeline.ingest.tools import AgentTools
from pipeline.ingest.worker_thread import WorkerThread

BEHIND: Final = 2 * MINUTE
"""A mark stays so far behind the largest event time, or behind the clock (semantics rule 17)."""


@dataclass(frozen=True, slots=True)
class LiveBatchOptions:
    """How Live Events are gathered.

    At most ``max_waiting`` events of together ``max_waiting_bytes`` wait; a transaction takes at
    most ``max_batch`` of them, of about ``max_batch_bytes``, and begins ``linger_s`` after the
    first of them came, or when the one before it ends: a transaction costs a few milliseconds of
    CPU however few rows it has. Marks go out
    every ``mark_every_s``. More bad records than ``max_bad_share`` stop the agent; ``record_limit``
    bounds the texts of one record in bytes.
    """

    max_waiting: int = 10_000
    max_waiting_bytes: int = 64 << 20
    max_batch: int = 2_000
    max_batch_bytes: int = 8 << 20
    linger_s: float = 0.02
    mark_every_s: float = 30.0
    max_bad_share: float = DEFAULT_SHARE
    record_limit: int = DEFAULT_RECORD_LIMIT


class QueueFull(Unavailable):
    """As many events wait for Kafka as may."""


class _Waiting(NamedTuple):
    raw: RawEvent | BadRecord
    done: asyncio.Future[None]


class _Prepared(NamedTuple):
    rows: int
    dead: list[tuple[int, BadRecord]]
    newest: int | None
    blocks: list[Block | MarkBlock]


class LiveBatches:
    """Takes events one by one, publishes them together.

    ``source`` names the delivery in rows and dead letters. ``source_empty`` tells whether the
    source has nothing more at present; without it the source is taken to be empty when nothing
    was offered since the last mark. One object for each start of the publisher: after an error of
    ``run`` every future that was not done has failed, and the source delivers again.
    """

    def __init__(
        self,
        tools: AgentTools,
        source: str,
        options: LiveBatchOptions | None = None,
        source_empty: Callable[[], bool] | None = None,
    ) -> None:
        self._tools = tools
        self._source = source
        self._options = options or LiveBatchOptions()
        self._source_empty = source_empty or self._nothing_offered
        self._encoder = BlockEncoder(tools.schemas, tools.publisher, tools.protection)
        self._bad_limit = BadLimit(self._options.max_bad_share)
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._waiting_since = 0.0
        self._arrived = asyncio.Event()
        self._offered = False
        self._ended: BaseException | None = None
        self._closed = False
        self._mark: int | None = None

    def offer(self, raw: RawEvent | BadRecord) -> "asyncio.Future[None]":
        """Return a future that is done when Kafka has acknowledged the event or its dead letter.

        It fails with Unavailable if the transaction does. If it is done or cancelled from outside
        before its transaction began, the event is not published.

        Raises QueueFull, and Unavailable after ``run`` has ended.
        """
        size = len(raw.payload)
        if self._ended is not None or self._closed:
            raise Unavailable("events are not published at present")
        if (
            len(self._waiting) >= self._options.max_waiting
            or self._waiting_bytes + size > self._options.max_waiting_bytes
        ):
            raise QueueFull("as many events wait as may")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            self._waiting_since = loop.time()
        self._waiting.append(_Waiting(raw, done))
        self._waiting_bytes += size
        self._offered = True
        self._tools.figures.waiting += 1
        self._arrived.set()
        return done

    def close(self) -> None:
        """Take nothing more; ``run`` ends when all that waits is published."""
        self._closed = True
        self._arrived.set()

    async def run(self) -> None:
        """Publish until closed; raise what the publisher raises, and TooManyBadRecords."""
        try:
            with WorkerThread() as worker:
                await self._publish_all(worker)
        except BaseException as error:
            self._ended = error
            raise
        finally:
            self._closed = True
            self._fail(list(self._waiting))
            self._waiting.clear()
            self._waiting_bytes = 0

    async def _publish_all(self, worker: WorkerThread) -> None:
        loop = asyncio.get_running_loop()
        mark_at = loop.time() + self._options.mark_every_s
        while not (self._closed and not self._waiting):
            await self._until(mark_at)
            batch = self._take()
            due = loop.time() >= mark_at
            if due:
                mark_at = loop.time() + self._options.mark_every_s
            try:
                bad = await self._publish(batch, worker, mark=due)
            except BaseException:
                self._fail(batch)
                raise
            # After they are published: nothing is lost by stopping.
            self._bad_limit.add(*bad)

    async def _until(self, mark_at: float) -> None:
        """Wait for events, and a little for more of them; not longer than to the next mark."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            self._arrived.clear()
            if not self._closed:
                rest_s = max(mark_at - loop.time(), 0.0)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._arrived.wait(), rest_s)
        if self._waiting and not self._closed and len(self._waiting) < self._options.max_batch:
            waited_s = loop.time() - self._waiting_since
            await asyncio.sleep(max(self._options.linger_s - waited_s, 0.0))

    def _take(self) -> list[_Waiting]:
        taken: list[_Waiting] = []
        size = 0
        while self._waiting and len(taken) < self._options.max_batch:
            length = len(self._waiting[0].raw.payload)
            if taken and size + length > self._options.max_batch_bytes:
                break
            waiting = self._waiting.popleft()
            self._waiting_bytes -= length
            if waiting.done.done():
                self._tools.figures.waiting -= 1
                continue
            size += length
            taken.append(waiting)
        return taken

    async def _publish(
        self, batch: Sequence[_Waiting], worker: WorkerThread, *, mark: bool
    ) -> tuple[int, list[tuple[int, BadRecord]]]:
        """Publish events and the mark that is due; return how many were read, and the bad ones."""
        figures, now = self._tools.figures, self._tools.clock()
        prepared = await worker.run(self._prepare, [waiting.raw for waiting in batch], now)
        figures_newest = _later(figures.newest, prepared.newest)
        blocks = prepared.blocks
        at = self._mark_at(figures_newest, now) if mark else None
        if at is not None:
            blocks += self._encoder.marks(topics.LIVE_EVENTS, Mark(LIVE_EVENTS, at))
        if blocks:
            await self._tools.publisher.publish(blocks)
        if at is not None:
            self._mark = figures.mark = at
        figures.newest = figures_newest
        figures.rows["read"] += prepared.rows + len(prepared.dead)
        figures.rows["published"] += prepared.rows
        figures.rows["dead"] += len(prepared.dead)
        for waiting in batch:
            if not waiting.done.done():
                waiting.done.set_result(None)
        figures.waiting -= len(batch)
        return prepared.rows + len(prepared.dead), prepared.dead

    def _prepare(self, raws: Sequence[RawEvent | BadRecord], now: int) -> _Prepared:
        """Read and encode; runs beside the event loop."""
        given = [raw for raw in raws if isinstance(raw, RawEvent)]
        rows, bad = read_live_events(given, now, self._options.record_limit)
        read = rows.height + len(bad)
        refused = [raw for raw in raws if isinstance(raw, BadRecord)]
        bad += enumerate(refused, start=read)
        blocks: list[Block | MarkBlock] = []
        newest = rows["event_time"].max()
        if rows.height:
            complete = rows.hstack(
                [
                    pl.Series("ingested_at", [now] * rows.height, dtype=pl.Int64),
                    pl.Series("source", [self._source] * rows.height, dtype=pl.String),
                ]
            )
            complete = complete.sort("event_time", maintain_order=True)
            blocks += self._encoder.blocks(topics.LIVE_EVENTS, complete)
        if bad:
            letters = dead_letters(
                [record for _, record in bad],
                source=self._source,
                feed=LIVE_EVENTS,
                happened_at=now,
                record_limit=self._options.record_limit,
                seal=self._tools.protection.seal,
            )
            blocks += self._encoder.blocks(topics.DEAD_LETTERS, letters)
        return _Prepared(rows.height, bad, newest if isinstance(newest, int) else None, blocks)

    def _mark_at(self, newest: int | None, now: int) -> int | None:
        """Return the mark that is due; None if there is none above the last one."""
        if not self._waiting and self._source_empty():
            newest = now
        self._offered = False
        if newest is None:
            return None
        # Events may be dated up to an hour ahead (rule 19); the feed is not complete up to there.
        at = min(newest, now) - BEHIND
        return at if self._mark is None or at > self._mark else None

    def _nothing_offered(self) -> bool:
        return not self._offered

    def _fail(self, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            if not waiting.done.done():
                waiting.done.set_exception(Unavailable("Kafka did not take the events"))
                waiting.done.exception()  # seen, should nobody wait for it any more
        self._tools.figures.waiting -= len(batch)


def _later(one: int | None, other: int | None) -> int | None:
    return max((at for at in (one, other) if at is not None), default=None)
