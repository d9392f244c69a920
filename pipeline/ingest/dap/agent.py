"""The agent for DAP's web_logs: window after window, each row once, for ever or once.

A window is downloaded to disk whole, ordered, and published hour by hour; every transaction
carries the cursor. A killed agent downloads its window again and goes on behind the last row that
was committed: the objects of the same job as long as they hold, else the same window asked for
anew. What was corrected in between is not in that any more but in the next window, so nothing is
lost either way.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Final, NamedTuple

from pipeline.codecs.web_log_schema import compare_schema
from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.ingest.batch import TransactionBatch
from pipeline.ingest.cursors import CursorBook, load_cursors
from pipeline.ingest.dap.cursor import AGENT, SUBJECT, DapCursor, iso, micros_of, moment_of
from pipeline.ingest.dap.faults import Gone, OutOfReach
from pipeline.ingest.dap.options import NAMESPACE, TABLE, DapOptions
from pipeline.ingest.dap.publishing import WindowPublisher
from pipeline.ingest.dap.source import DapSource, WindowJob
from pipeline.ingest.dap.stopping import Stopped, pause
from pipeline.ingest.dap.window import CommitBounds, SpooledWindow, WindowReader
from pipeline.ingest.encoding import BlockEncoder
from pipeline.ingest.spool import SpoolDirectory
from pipeline.ingest.tools import AgentTools
from pipeline.ingest.worker_thread import WorkerThread

_TIMES: Final = 3
"""How often a window is begun anew because its objects expired while they were read."""

OpenSource = Callable[[], AbstractAsyncContextManager[DapSource]]


class News(NamedTuple):
    """Something worth a line: what happened, and its particulars without payloads."""

    event: str
    facts: dict[str, str | int]


async def ingest_dap(
    tools: AgentTools, options: DapOptions, open_source: OpenSource, tell: Callable[[News], None]
) -> DapCursor | None:
    """Publish windows until ``stopping`` is set, or one with ``options.once``; return the cursor.

    Raises OurMistake (a refused key, days that DAP no longer has, a changed schema, a full disk),
    TooManyBadRecords, Unavailable, and what the publisher raises. Called again after
    Unavailable, with a publisher started anew, it goes on where the last transaction ended.
    """
    book = await load_cursors(tools.cursors, tools.schemas, AGENT, DapCursor)
    tools.figures.mark = book.mark
    cursor = book.files.get(SUBJECT)
    try:
        if cursor is not None and not cursor.under_way and not options.once:
            tools.figures.ready = True
            await _until(cursor.next_at, tools)
        async with open_source() as source:
            agent = _Agent(source, book, options, tools, tell)
            while True:
                await agent.one_window()
                tools.figures.ready = True
                if options.once:
                    break
                await _until(book.files[SUBJECT].next_at, tools)
    except Stopped:
        tell(News("stopped", {}))
    return book.files.get(SUBJECT)


async def _until(instant: int | None, tools: AgentTools) -> None:
    if instant is not None:
        await pause(tools.stopping, (instant - tools.clock()) / 1_000_000)


class _Agent:
    """What one start of the publisher does."""

    def __init__(
        self,
        source: DapSource,
        book: CursorBook[DapCursor],
        options: DapOptions,
        tools: AgentTools,
        tell: Callable[[News], None],
    ) -> None:
        self._source = source
        self._book = book
        self._options = options
        self._tools = tools
        self._tell = tell
        self._new_columns: tuple[str, ...] = ()

    async def one_window(self) -> None:
        """Publish the window under way, or the next one if DAP has anything new."""
        for _ in range(_TIMES):
            try:
                job = await self._job()
                await self._publish(job)
            except Gone:
                continue
            except OutOfReach as refusal:
                self._skip(refusal)
                continue
            return
        raise Unavailable("DAP: what it offers expires again and again before it is read")

    @property
    def _cursor(self) -> DapCursor:
        known = self._book.files.get(SUBJECT)
        if known is None:
            since = self._options.since
            known = DapCursor(since=None if since is None else iso(since))
            self._book.files[SUBJECT] = known
        return known

    async def _job(self) -> WindowJob:
        cursor = self._cursor
        if cursor.job is not None:
            job = await self._source.known(cursor.job)
            if job is not None:
                return job
        until = None if cursor.until is None else moment_of(cursor.until)
        since = cursor.asked_since
        return await self._source.window(since, None if since is None else until)

    def _skip(self, refusal: OutOfReach) -> None:
        """Go on behind what is lost, or stop and say what it is."""
        cursor, earliest = self._cursor, refusal.since
        asked = cursor.since or "the beginning"
        lost = f"from {asked}" + ("" if earliest is None else f" to {iso(earliest)}")
        if earliest is None or not self._options.skip_lost:
            raise OurMistake(
                f"DAP no longer has what was committed {lost} ({refusal.kind}): these days are "
                "lost to this table unless they are elsewhere, e.g. in an archive that "
                "'ingest web-logs-files' can read; 'ingest dap --skip-lost' goes on behind them"
            ) from None
        self._book.files[SUBJECT] = cursor.skipping_to(earliest)
        self._tell(News("days lost", {"since": asked, "until": iso(earliest)}))

    async def _publish(self, job: WindowJob) -> None:
        cursor, clock = self._cursor, self._tools.clock
        # A snapshot taken again is of a later state: the end of the window stays the first one's.
        end = cursor.until or iso(job.until)
        snapshot_again = cursor.under_way and cursor.since is None and cursor.job != job.id
        await self._check_schema(job)
        begun = replace(
            self._cursor,
            until=end,
            job=job.id,
            judged_at=cursor.judged_at if cursor.under_way else clock(),
        )
        with (
            SpoolDirectory(self._options.spool_directory, self._options.spool_limit) as directory,
            WorkerThread() as worker,
        ):
            reader = WindowReader(self._source, self._options, directory, worker, self._tools)
            bounds = CommitBounds(
                None if cursor.since is None else micros_of(cursor.since),
                micros_of(end) if snapshot_again else None,
            )
            window = await reader.read(job, begun.judged_at, bounds)
            self._book.files[SUBJECT] = begun
            await self._publish_spooled(window, begun, worker)
        self._told(cursor, window)

    async def _publish_spooled(
        self, window: SpooledWindow, begun: DapCursor, worker: WorkerThread
    ) -> None:
        tools, options = self._tools, self._options
        end = micros_of(begun.until or "")
        moved = begun.since is None or end > micros_of(begun.since)
        soon = tools.clock() + options.again
        encoder = BlockEncoder(tools.schemas, tools.publisher, tools.protection)
        publisher = WindowPublisher(
            TransactionBatch(tools.publisher, encoder, self._book, tools.clock, worker),
            self._book,
            options,
            worker,
            tools.figures,
            tools.stopping,
            tools.clock,
        )
        await publisher.publish(window, end, max(end + options.every, soon) if moved else soon)

    async def _check_schema(self, job: WindowJob) -> None:
        """Compare a schema version that is new to us; keep what it adds, refuse what it breaks."""
        if job.schema_version == self._cursor.schema_version:
            return
        difference = compare_schema(await self._source.schema())
        if difference.wrong:
            raise OurMistake(
                f"{NAMESPACE}.{TABLE} has changed (schema version {job.schema_version}): "
                f"{'; '.join(difference.wrong)}; nothing of the new rows is published, and a "
                "version of this program that knows the change goes on where this one stops"
            )
        if difference.new:
            self._tell(
                News(
                    "new columns",
                    {"version": job.schema_version, "columns": ", ".join(difference.new)},
                )
            )
        self._book.files[SUBJECT] = replace(self._cursor, schema_version=job.schema_version)

    def _told(self, before: DapCursor, window: SpooledWindow) -> None:
        now = self._cursor
        self._tell(
            News(
                "window",
                {
                    "since": before.since or "snapshot",
                    "until": now.since or "",
                    "read": window.read,
                    "published": now.published - before.published,
                    "deletes": now.deletes - before.deletes,
                    "dead": now.dead - before.dead,
                },
            )
        )
