"""A spooled window → transactions: hour by hour, a mark after each, the cursor in every one."""

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from pipeline.codecs.completeness import hour_of
from pipeline.codecs.marks import Mark
from pipeline.codecs.web_log_rows import with_agent_columns
from pipeline.domain import topics
from pipeline.domain.event_time import HOUR
from pipeline.domain.feeds import WEB_LOGS
from pipeline.ingest.batch import TransactionBatch
from pipeline.ingest.clock import Clock
from pipeline.ingest.cursors import CursorBook
from pipeline.ingest.dap.cursor import SUBJECT, DapCursor
from pipeline.ingest.dap.options import NAMESPACE, TABLE, DapOptions
from pipeline.ingest.dap.stopping import Stopped
from pipeline.ingest.dap.window import SpooledWindow
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.ordered import Ordered, in_order
from pipeline.ingest.prepared_file import hour_end
from pipeline.ingest.spool import DEAD_LETTERS, ERASURES
from pipeline.ingest.worker_thread import WorkerThread

BEHIND_END: Final = HOUR
"""The last mark of a window stays so far behind its end (semantics rule 17)."""

_OUTCOMES: Final = {DEAD_LETTERS: "dead", ERASURES: "deletes"}


@dataclass(frozen=True, slots=True)
class WindowPublisher:
    """Publishes spooled windows from where the cursor stands."""

    batch: TransactionBatch[DapCursor]
    book: CursorBook[DapCursor]
    options: DapOptions
    worker: WorkerThread
    figures: AgentFigures
    stopping: asyncio.Event
    clock: Clock

    async def publish(self, window: SpooledWindow, last: int, next_at: int) -> None:
        """Publish what the cursor says is left; raise Stopped between two transactions.

        ``last`` is the end of the window in microseconds.
        """
        self.figures.waiting = window.read
        self._count("left", window.left.total())
        try:
            for part in window.spool.parts():
                await self._publish_part(window, part)
                if part not in _OUTCOMES:
                    mark = Mark(WEB_LOGS, min(hour_end(part), last - BEHIND_END))
                    await self.batch.add_mark(topics.WEB_LOGS, mark)
            await self.batch.add_mark(topics.WEB_LOGS, Mark(WEB_LOGS, last - BEHIND_END))
            for hour, rows in window.left.items():
                self.batch.add_repeated(hour, rows)
            self.batch.move(SUBJECT, self._cursor.finished(next_at))
            await self.batch.flush()
            await self.batch.settle()
        except BaseException:
            await self.batch.abandon()
            raise
        self.figures.mark = self.book.mark

    @property
    def _cursor(self) -> DapCursor:
        return self.book.files[SUBJECT]

    async def _publish_part(self, window: SpooledWindow, part: int) -> None:
        rows = window.spool.rows(part)
        if part < self._cursor.part:
            self._count("already", rows)
            return
        read = in_order(window.spool, part, self._cursor.key_in(part), self.options.batch_rows)
        while (some := await self.worker.run(next, read, None)) is not None:
            await self._add(part, some)
            self.batch.add_repeated((WEB_LOGS, _hour(window, part)), some.doubled)
            self._count("doubled", some.doubled)
            rows -= some.rows.height + some.doubled
            if self.batch.rows >= self.options.batch_rows:
                await self.batch.flush()
                if self.stopping.is_set():
                    await self.batch.settle()
                    raise Stopped
        self._count("already", rows)

    async def _add(self, part: int, some: Ordered) -> None:
        cursor, rows = self._cursor.reached(part, some.last, some.rows.height), some.rows.height
        if part == DEAD_LETTERS:
            await self.batch.add(topics.DEAD_LETTERS, some.rows)
            cursor = replace(cursor, dead=cursor.dead + rows)
        elif part == ERASURES:
            await self.batch.add(topics.ERASURES, some.rows)
            cursor = replace(cursor, deletes=cursor.deletes + rows)
        else:
            source = f"dap:{NAMESPACE}.{TABLE}"
            root = self.options.root_account_id
            frame = with_agent_columns(some.rows, source, root, self.clock())
            await self.batch.add(topics.WEB_LOGS, frame)
            newest = int(some.last[0])
            self.figures.saw(newest)
            newest = newest if cursor.newest is None else max(newest, cursor.newest)
            cursor = replace(cursor, published=cursor.published + rows, newest=newest)
        self._count(_OUTCOMES.get(part, "published"), rows)
        self.batch.move(SUBJECT, cursor)

    def _count(self, outcome: str, rows: int) -> None:
        if rows:
            self.figures.rows[outcome] += rows
            self.figures.rows["read"] += rows
            self.figures.waiting = max(self.figures.waiting - rows, 0)


def _hour(window: SpooledWindow, part: int) -> int:
    """Return the hour in which rows of a part count: their own, of others that of their reading."""
    return hour_of(window.judged_at) if part in _OUTCOMES else part * HOUR
