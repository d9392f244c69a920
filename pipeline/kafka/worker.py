"""One process of one stage: a Faust application that feeds a ``StageHandler``.

It ends on SIGTERM or SIGINT, having committed, within ``stop_s``; and it ends with one log line
and a documented code (``exit_codes``) when it cannot go on. It never hangs: every wait has a limit
of its own or one in ``vigil``, and where the event loop itself stands still there is ``watchdog``.
"""

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Final, cast

import structlog
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential_jitter,
)

from pipeline.domain.errors import OurMistake, TelemetryError, Unavailable
from pipeline.domain.exit_codes import ExitCode, exit_code
from pipeline.engine.stage import StageHandler
from pipeline.kafka.broker_errors import as_ours
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.delivery import Delivery
from pipeline.kafka.faust_hooks import ChunkApp, PassThrough
from pipeline.kafka.fetched import Fetched
from pipeline.kafka.library_logs import quieten_libraries
from pipeline.kafka.membership import Membership
from pipeline.kafka.status import WorkerStatus
from pipeline.kafka.topics import require_topics
from pipeline.kafka.vigil import DEFAULT_LIMITS, Vigil, WorkerLimits
from pipeline.kafka.watchdog import Watchdog

log = structlog.get_logger(__name__)

MakeHandler = Callable[[Membership], StageHandler]

TICK_S: Final = 0.05
THREAD_S: Final = 0.5
"""What a thread of the libraries gets to end by itself once everything is committed."""


def run_worker(
    connection: KafkaConnection,
    *,
    stage: str,
    group: str,
    topics: Sequence[str],
    make_handler: MakeHandler,
    limits: WorkerLimits = DEFAULT_LIMITS,
    status: WorkerStatus | None = None,
    beside: Callable[[], Awaitable[None]] | None = None,
    around: AbstractAsyncContextManager[object] | None = None,
    expected: Mapping[str, int] | None = None,
) -> ExitCode:
    """Run a stage's worker until a signal or an error ends it; return the process's exit code.

    Topics and group are without prefix. ``make_handler`` is called once, on the worker's loop.
    ``beside`` runs along with it (a run's end condition); when it returns, the worker stops as if
    asked to. ``around`` is open from the first moment to the last (a metrics server).
    ``expected`` are numbers of partitions that topics must have.
    Call it from the main thread.
    """
    worker = _Worker(
        connection,
        stage=stage,
        group=group,
        topics=topics,
        make_handler=make_handler,
        limits=limits,
        status=status,
        expected=expected or {},
    )
    watchdog = worker.watchdog
    before = frozenset(threading.enumerate())
    code = asyncio.run(worker.run(beside, around))
    if not worker.clean or _left_over(before):
        # A thread of the libraries may still wait for a broker; joining it could take for ever.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    watchdog.off()
    return code


def _left_over(before: frozenset[threading.Thread]) -> bool:
    """Say whether a thread of this worker is left that the interpreter would wait for."""
    left = [each for each in threading.enumerate() if each not in before and not each.daemon]
    for each in left:
        each.join(THREAD_S)
    return any(each.is_alive() for each in left)


class _Worker:
    def __init__(
        self,
        connection: KafkaConnection,
        *,
        stage: str,
        group: str,
        topics: Sequence[str],
        make_handler: MakeHandler,
        limits: WorkerLimits,
        status: WorkerStatus | None,
        expected: Mapping[str, int],
    ) -> None:
        self.clean = False
        self.watchdog = Watchdog(stage, limits.hang_s)
        self._connection = connection
        self._stage = stage
        self._group = group
        self._topics = tuple(topics)
        self._expected = expected
        self._make_handler = make_handler
        self._limits = limits
        self._status = status or WorkerStatus()
        self._delivery = Delivery()
        self._failure: BaseException | None = None
        self._vigil = Vigil(stage, limits, self._status)

    async def run(
        self,
        beside: Callable[[], Awaitable[None]] | None,
        around: AbstractAsyncContextManager[object] | None,
    ) -> ExitCode:
        """Work until the end; the code says which."""
        quieten_libraries()
        self._done = asyncio.Event()
        self._joined = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop)
        async with AsyncExitStack() as stack:
            return await self._run(beside, around, stack)

    async def _run(
        self,
        beside: Callable[[], Awaitable[None]] | None,
        around: AbstractAsyncContextManager[object] | None,
        stack: AsyncExitStack,
    ) -> ExitCode:
        tasks = [asyncio.create_task(self._beat())]
        app: ChunkApp | None = None
        handler: StageHandler | None = None
        try:
            if around is not None:
                await stack.enter_async_context(around)
            await self._unless_done(self._topics_are_there())
            if not self._done.is_set():
                app = ChunkApp(self._connection, self._group, self._limits.consumer)
                self._membership = Membership(self._connection, app)
                handler = self._handler = self._make_handler(self._membership)
                tasks += self._start(app, beside)
                await self._done.wait()
        except Exception as error:  # noqa: BLE001 - every end of a worker is reported the same way
            self._fail(error)
        self._status.stopping = True
        self._report()
        await self._stop(app, handler)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return exit_code(self._failure)

    def _start(
        self, app: ChunkApp, beside: Callable[[], Awaitable[None]] | None
    ) -> list[asyncio.Task[None]]:
        self._app = app
        topic = app.topic(
            *map(self._connection.named, self._topics), schema=PassThrough(), acks=False
        )
        app.agent(topic, name=f"{self._stage}-chunks")(self._deliver)
        app.on_partitions_revoked.connect(cast(Any, self._revoked), weak=False)
        app.on_partitions_assigned.connect(cast(Any, self._assigned), weak=False)
        work = [app.start(), self._ticks(), self._looks()]
        if beside is not None:
            work.append(self._beside(beside))
        return [asyncio.create_task(self._guarded(each)) for each in work]

    async def _topics_are_there(self) -> None:
        """Wait for the brokers, and stop at once if a topic is missing or differs in size."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(Unavailable),
            stop=stop_after_delay(self._limits.broker_s),
            wait=wait_exponential_jitter(multiplier=0.2, max=5.0),
            reraise=True,
        ):
            with attempt:
                found = await require_topics(self._connection, {*self._topics, *self._expected})
        for topic, partitions in self._expected.items():
            if found[topic] != partitions:
                raise OurMistake(
                    f"Topic {self._connection.named(topic)} has {found[topic]} partitions, the "
                    f"settings say {partitions}."
                )

    async def _deliver(self, stream: Any) -> None:
        """Faust's agent: one event per chunk."""
        try:
            async for event in stream.events():
                fetched: Fetched = event.value
                await self._joined.wait()
                if self._status.stopping or fetched.epoch != self._membership.epoch:
                    continue
                given = fetched.chunk
                self._membership.reached(given.topic, given.partition, fetched.end)
                chunk = self._delivery.accept(fetched.epoch, given)
                if chunk is not None:
                    with self._vigil.adding():
                        await self._handler.add(chunk)
                    self._status.chunks += 1
                    self._status.rows += len(chunk)
        except Exception as error:  # noqa: BLE001 - ends the worker
            self._fail(error)

    async def _revoked(self, _app: Any, partitions: Collection[Any], **_: Any) -> None:
        self._joined.clear()
        self._status.rebalances += 1
        self._status.assigned = None
        await self._rebalanced(self._handler.revoked, partitions)

    async def _assigned(self, _app: Any, partitions: Collection[Any], **_: Any) -> None:
        self._status.assigned = self._bare(partitions)
        await self._rebalanced(self._handler.assigned, partitions)
        # Faust lets records flow while it still tells of the assignment.
        self._joined.set()

    async def _rebalanced(
        self,
        tell: Callable[[Collection[tuple[str, int]]], Awaitable[None]],
        partitions: Collection[Any],
    ) -> None:
        if self._status.stopping:
            return
        try:
            async with asyncio.timeout(self._limits.rebalance_s):
                await tell(sorted(self._bare(partitions)))
        except Exception as error:  # noqa: BLE001 - ends the worker
            self._fail(error)

    def _bare(self, partitions: Collection[Any]) -> frozenset[tuple[str, int]]:
        return frozenset((self._connection.bare(tp.topic), tp.partition) for tp in partitions)

    async def _ticks(self) -> None:
        while True:
            if self._app.crashed:
                raise self._app.crash_reason or RuntimeError("Faust gave up without a reason")
            await self._handler.tick(time.time_ns() // 1000)
            await asyncio.sleep(TICK_S)

    async def _looks(self) -> None:
        await self._vigil.keep(self._membership, self._handler)

    async def _beat(self) -> None:
        while True:
            self.watchdog.beat()
            await asyncio.sleep(1.0)

    async def _beside(self, work: Callable[[], Awaitable[None]]) -> None:
        await work()
        self._done.set()

    async def _guarded(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - ends the worker
            self._fail(error)

    async def _unless_done(self, work: Awaitable[None]) -> None:
        """Await work that a signal may interrupt."""
        task = asyncio.ensure_future(work)
        done = asyncio.create_task(self._done.wait())
        await asyncio.wait({task, done}, return_when=asyncio.FIRST_COMPLETED)
        done.cancel()
        if task.done():
            task.result()
        else:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _asked_to_stop(self) -> None:
        self.watchdog.stop_within(self._limits.stop_s)
        self._done.set()

    def _fail(self, error: BaseException) -> None:
        if self._failure is None and not self._status.stopping:
            self._failure = as_ours(error, f"The consumer of {self._stage}")
        self._done.set()

    def _report(self) -> None:
        """Write the one line of a failed worker; messages of strange errors may quote data."""
        if (error := self._failure) is None:
            return
        known = isinstance(error, TelemetryError)
        frames = traceback.extract_tb(error.__traceback__)[-3:]
        log.error(
            "worker ends",
            stage=self._stage,
            code=int(exit_code(error)),
            error=type(error).__name__,
            reason=str(error) if known else "see where",
            where=[f"{frame.name}:{frame.lineno}" for frame in frames],
        )

    async def _stop(self, app: ChunkApp | None, handler: StageHandler | None) -> None:
        """Commit, leave the group, and be done within the limit."""
        self.watchdog.stop_within(self._limits.stop_s)
        failed = False
        for stop, share in (
            (handler.stop if handler else None, 0.6),
            (app.stop if app else None, 0.35),
        ):
            if stop is None:
                continue
            try:
                async with asyncio.timeout(self._limits.stop_s * share):
                    await stop()
            except Exception as error:  # noqa: BLE001 - the rest must still be stopped
                failed = True
                log.warning("stopping failed", stage=self._stage, error=type(error).__name__)
        self.clean = not failed
