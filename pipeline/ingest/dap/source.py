"""DAP as the agent asks it: jobs, their objects, and files on disk.

Everything goes through the official client library; what it does not do by itself is here: waiting
for a job without keeping a stop waiting, a fresh address just before each download, repeating what
fails in passing, and files that are known to be whole before a row of them is read.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from dap.api import DAPClient, DAPSession
from dap.dap_types import (
    CompleteIncrementalJob,
    CompleteSnapshotJob,
    Credentials,
    FailedJob,
    Format,
    IncrementalQuery,
    Job,
    Object,
    SnapshotQuery,
)

from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.ingest.clock import Clock
from pipeline.ingest.dap.faults import LIBRARY_ERRORS, Gone, OutOfReach, Refused, fault_of
from pipeline.ingest.dap.options import NAMESPACE, TABLE, DapOptions
from pipeline.ingest.dap.stopping import Stopped, pause
from pipeline.ingest.dap.whole import check_whole
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.spool import SpoolDirectory
from pipeline.ingest.worker_thread import WorkerThread

ATTEMPTS: Final = 4
"""How often something is asked for before it counts as unavailable."""

_CHUNK: Final = 1 << 18

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class DapAccess:
    """Where DAP is and the key for it; ``url`` None is the library's own address."""

    url: str | None
    client_id: str
    client_secret: str


class WindowJob(NamedTuple):
    """A finished job: ``since`` is None for a snapshot, whose state is that of ``until``."""

    id: str
    since: datetime | None
    until: datetime
    objects: Sequence[Object]
    schema_version: int


class DapSource:
    """One session with DAP."""

    def __init__(
        self,
        session: DAPSession,
        options: DapOptions,
        stopping: asyncio.Event,
        figures: AgentFigures,
        clock: Clock,
    ) -> None:
        self._session = session
        self._options = options
        self._stopping = stopping
        self._figures = figures
        self._clock = clock

    async def sign_in(self) -> None:
        """Get a token. Raises OurMistake if the key is refused, Unavailable."""
        await self._ask("sign_in", self._session.authenticate)

    async def window(self, since: datetime | None, until: datetime | None) -> WindowJob:
        """Ask for a window and wait for it.

        Raises OutOfReach, OurMistake, and Unavailable when DAP fails again and again.
        """

        async def once() -> WindowJob:
            return await self._finished(await self._query(since, until), since, until)

        return await self._repeat("job", once)

    async def known(self, job_id: str) -> WindowJob | None:
        """Return a finished job that still holds, with the same objects; None if it is gone."""
        try:
            job = await self._ask("job", lambda: self._session.get_job(job_id))
        except (Gone, OutOfReach, OurMistake):
            return None
        if isinstance(job, CompleteIncrementalJob | CompleteSnapshotJob):
            return None if self._expires_soon(job) else _window(job)
        return None

    async def schema(self) -> dict[str, Any]:
        """Return the table's JSON Schema."""
        found = await self._ask("schema", lambda: self._session.get_table_schema(NAMESPACE, TABLE))
        return dict(found.schema)

    async def download(
        self, item: Object, to: Path, directory: SpoolDirectory, worker: WorkerThread
    ) -> int:
        """Write an object to a file that is whole; return its size, which the spool has counted.

        The address is asked for just before: it holds for 15 minutes only. Raises Gone, OurMistake
        (no room), Unavailable.
        """

        async def once() -> int:
            resources = await self._session.get_resources([item])
            size = 0
            try:
                with to.open("wb") as file:
                    async for stream in self._session.stream_resource(resources[item.id]):
                        async for chunk in stream.iter_chunked(_CHUNK):
                            directory.take(len(chunk))
                            size += len(chunk)
                            file.write(chunk)
                            self._go_on()
                await worker.run(check_whole, to)
            except BaseException:
                directory.give_back(size)
                raise
            return size

        return await self._repeat("download", lambda: self._ask_once("download", once))

    async def _query(self, since: datetime | None, until: datetime | None) -> Job:
        kind = Format(self._options.format)
        if since is None:
            snapshot = SnapshotQuery(format=kind, mode=None)
            return await self._ask_once(
                "query", lambda: self._session.query_snapshot(NAMESPACE, TABLE, snapshot)
            )
        changes = IncrementalQuery(format=kind, mode=None, since=since, until=until)
        return await self._ask_once(
            "query", lambda: self._session.query_incremental(NAMESPACE, TABLE, changes)
        )

    async def _finished(
        self, job: Job, since: datetime | None, until: datetime | None
    ) -> WindowJob:
        while True:
            if isinstance(job, FailedJob):
                raise fault_of(job.error)
            if isinstance(job, CompleteIncrementalJob | CompleteSnapshotJob):
                if not self._expires_soon(job):
                    return _window(job)
                # DAP hands out the finished job of an equal question for as long as it holds.
                await pause(self._stopping, 1.2 * self._options.close_s)
                job = await self._query(since, until)
                continue
            await pause(self._stopping, self._options.poll_s)
            job_id = job.id
            job = await self._ask("job", lambda: self._session.get_job(job_id))  # noqa: B023

    def _expires_soon(self, job: Job) -> bool:
        return (
            job.expires_at is not None
            and job.expires_at.timestamp() - self._clock() / 1_000_000 < self._options.close_s
        )

    async def _ask(self, what: str, call: Callable[[], Awaitable[Result]]) -> Result:
        return await self._repeat(what, lambda: self._ask_once(what, call))

    async def _ask_once(self, what: str, call: Callable[[], Awaitable[Result]]) -> Result:
        """Ask; raise what the library's errors mean."""
        self._go_on()
        try:
            result = await call()
        except LIBRARY_ERRORS as error:
            self._figures.requests[f"{what}_failed"] += 1
            fault = fault_of(error)
            if isinstance(fault, Refused) and what != "sign_in":
                raise Unavailable("DAP no longer accepts the token it gave") from None
            raise fault from None
        self._figures.requests[what] += 1
        return result

    async def _repeat(self, what: str, call: Callable[[], Awaitable[Result]]) -> Result:
        """Do something again, later each time, while it fails in passing."""
        for attempt in range(1, ATTEMPTS):
            try:
                return await call()
            except Gone:
                raise
            except Unavailable:
                self._figures.requests[f"{what}_repeated"] += 1
                jitter = random.uniform(0.5, 1.5)  # noqa: S311 - no secret
                await pause(self._stopping, self._options.retry_s * 2 ** (attempt - 1) * jitter)
        return await call()

    def _go_on(self) -> None:
        if self._stopping.is_set():
            raise Stopped


@asynccontextmanager
async def open_source(
    access: DapAccess,
    options: DapOptions,
    stopping: asyncio.Event,
    figures: AgentFigures,
    clock: Clock,
) -> AsyncIterator[DapSource]:
    """Sign in and hold the session. Raises OurMistake, Unavailable.

    The library's reports of usage to its maker are off.
    """
    credentials = Credentials.create(client_id=access.client_id, client_secret=access.client_secret)
    async with DAPClient(access.url, credentials, tracking=False) as session:
        source = DapSource(session, options, stopping, figures, clock)
        await source.sign_in()
        yield source


def _window(job: CompleteIncrementalJob | CompleteSnapshotJob) -> WindowJob:
    if isinstance(job, CompleteSnapshotJob):
        return WindowJob(job.id, None, job.at, job.objects, job.schema_version)
    return WindowJob(job.id, job.since, job.until, job.objects, job.schema_version)
