"""A window on disk: every object downloaded, read and spooled by event hour."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import polars as pl
from dap.dap_types import Object

from pipeline.codecs.completeness import Hour, by_hour, hour_of
from pipeline.codecs.erasures import request_erasures
from pipeline.codecs.web_log_rows import Origin, WebLogs
from pipeline.domain.feeds import WEB_LOGS
from pipeline.ingest.bad_limit import BadLimit
from pipeline.ingest.content import Content
from pipeline.ingest.dap.options import DapOptions
from pipeline.ingest.dap.source import DapSource, WindowJob
from pipeline.ingest.dap.stopping import Stopped
from pipeline.ingest.file_feed import Portion
from pipeline.ingest.formats import WEB_LOG_READERS
from pipeline.ingest.prepared_file import spool_portion
from pipeline.ingest.spool import Spool, SpoolDirectory
from pipeline.ingest.tools import AgentTools
from pipeline.ingest.worker_thread import WorkerThread

SOURCE: Final = "dap"
"""Source of dead letters and erasures."""

Seal = Callable[[bytes], bytes]


class CommitBounds(NamedTuple):
    """Commit times of a window's rows, in microseconds; None for no bound.

    A question that begins a little early brings rows of the window before, a snapshot that had to
    be taken anew rows of the next one.
    """

    since: int | None
    until: int | None

    def within(self, column: str) -> pl.Expr:
        """Tell which rows belong to the window; those without a commit time do."""
        fits = pl.lit(value=True)
        if self.since is not None:
            fits &= pl.col(column) >= self.since
        if self.until is not None:
            fits &= pl.col(column) <= self.until
        return fits.fill_null(value=True)


class SpooledWindow:
    """The rows of a window on the spool, and how many records were read.

    ``left`` counts records, by hour, that belong to the window before or to the next one.
    """

    def __init__(self, spool: Spool, judged_at: int, bounds: CommitBounds) -> None:
        self.spool = spool
        self.judged_at = judged_at
        self.read = 0
        self.left: Counter[Hour] = Counter()
        self._bounds = bounds

    def take(self, portion: Portion, record_limit: int, seal: Seal | None) -> None:
        """Put what was read on the spool."""
        self.read += portion.read
        ours = portion._replace(
            rows=portion.rows.filter(self._bounds.within("committed_at")),
            erasures=portion.erasures.filter(self._bounds.within("requested_at")),
        )
        if portion.read > ours.read:
            rest = portion.rows.filter(~self._bounds.within("committed_at"))
            self.left += by_hour(WEB_LOGS, rest["timestamp"].to_numpy())
            deletes = portion.erasures.height - ours.erasures.height
            self.left[WEB_LOGS, hour_of(self.judged_at)] += deletes
        spool_portion(
            ours,
            self.spool,
            source=SOURCE,
            feed=WEB_LOGS,
            judged_at=self.judged_at,
            record_limit=record_limit,
            seal=seal,
        )


class WindowReader:
    """Reads the objects of jobs, a few downloads ahead of the reading."""

    def __init__(
        self,
        source: DapSource,
        options: DapOptions,
        directory: SpoolDirectory,
        worker: WorkerThread,
        tools: AgentTools,
    ) -> None:
        self._source = source
        self._options = options
        self._directory = directory
        self._worker = worker
        self._tools = tools

    async def read(self, job: WindowJob, judged_at: int, bounds: CommitBounds) -> SpooledWindow:
        """Read all objects of a job; what was committed outside the bounds is left aside.

        Raises Gone, OurMistake (no room), TooManyBadRecords, Unavailable; nothing of the window
        is on the spool then.
        """
        window = SpooledWindow(self._directory.open_spool("timestamp"), judged_at, bounds)
        try:
            await self._read_all(job.objects, window)
            await self._worker.run(window.spool.flush)
        except BaseException:
            window.spool.close()
            raise
        return window

    async def _read_all(self, objects: Sequence[Object], window: SpooledWindow) -> None:
        limit = BadLimit(self._options.max_bad_share)
        numbered = iter(enumerate(objects))
        one_at_a_time = asyncio.Lock()
        with WorkerThread() as checking:

            async def some() -> None:
                # Each of these holds one file: so many are on disk at most.
                for number, item in numbered:
                    path = self._directory.path / f"{number}.download"
                    size = await self._source.download(item, path, self._directory, checking)
                    try:
                        async with one_at_a_time:
                            await self._read_one(path, item.id, window, limit)
                    finally:
                        path.unlink(missing_ok=True)
                        self._directory.give_back(size)

            await _all(some() for _ in range(self._options.downloads))

    async def _read_one(
        self, path: Path, name: str, window: SpooledWindow, limit: BadLimit
    ) -> None:
        origin = Origin(
            name, window.judged_at, self._options.home_shard, self._options.record_limit
        )
        logs = WEB_LOG_READERS[self._options.format](Content(path, name, self._directory), origin)
        while (found := await self._worker.run(_next, logs)) is not None:
            limit.add(found.read, found.bad)
            erasures = request_erasures(found.deletes, source=SOURCE, ingested_at=window.judged_at)
            portion = Portion(found.rows, erasures, found.bad)
            await self._worker.run(
                window.take, portion, self._options.record_limit, self._tools.protection.seal
            )
            if self._tools.stopping.is_set():
                raise Stopped


def _next(logs: Iterator[WebLogs]) -> WebLogs | None:
    return next(logs, None)


async def _all(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Await all; when one fails, stop the others and raise what it raised."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
