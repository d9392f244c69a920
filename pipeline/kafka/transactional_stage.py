"""A stage of transactional tasks: one per partition, exactly once.

    assigned ──▶ opening ──▶ open ──revoked──▶ parked ──assigned again──▶ open (if reaffirmed)
                    │          │                  └──────assigned elsewhere──▶ closed
                    └──────────┴─ lost (fenced, broker gone): dropped, a new assignment asked for

Every assignment of a group revokes all partitions first (the eager protocol), so most partitions
come straight back: their state is kept if a transaction with nothing but the position succeeds.
Chunks of a partition that is still opening wait aside, so that no other partition waits for it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential_jitter,
)

from pipeline.codecs.chunk import Chunk
from pipeline.domain.errors import Fenced, OurMistake, TelemetryError, Unavailable
from pipeline.engine.stage import StageTask
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.figures import CommitFigures, OpeningFigures
from pipeline.kafka.stage_settings import DEFAULT_SETTINGS, StageSettings
from pipeline.kafka.task_host import TaskHost
from pipeline.kafka.task_opening import TaskOpening

log = structlog.get_logger(__name__)

CANCEL_S: Final = 15.0
"""A cancelled opening closes its clients, each within a few seconds."""

LOSSES_LIMIT: Final = 20
LOSSES_WINDOW_S: Final = 300.0
"""So many tasks lost in so short a time are no accident: two installations share their ids."""


class StageMembership(Protocol):
    """What a stage asks of its group."""

    def end(self, topic: str, partition: int) -> int | None:
        """Return the last known stable offset of an assigned partition."""

    async def rejoin(self) -> None:
        """Ask for a new assignment: revoked and assigned follow."""

    def pause(self, partitions: Collection[tuple[str, int]]) -> None:
        """Fetch nothing more of these partitions until ``resume`` or the next assignment."""

    def resume(self, partitions: Collection[tuple[str, int]]) -> None:
        """Fetch these partitions again."""


@dataclass(slots=True, eq=False)
class _Slot:
    """An assigned partition; ``ready`` gives its host, or None if it was taken away before.

    ``kept``: it came straight back. ``waiting`` came before it was ready.
    """

    partition: int
    ready: "asyncio.Future[TaskHost | None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    filling: asyncio.Task[None] | None = None
    kept: bool = False
    waiting: deque[Chunk] = field(default_factory=deque)
    paused: bool = False

    @property
    def host(self) -> TaskHost | None:
        return self.ready.result() if self.ready.done() else None


class TransactionalStage:
    """Hosts the tasks of the partitions that the group gives this worker: a ``StageHandler``."""

    def __init__(
        self,
        connection: KafkaConnection,
        membership: StageMembership,
        *,
        stage: str,
        group: str,
        make_task: Callable[[int], StageTask],
        settings: StageSettings = DEFAULT_SETTINGS,
        app: str = "canvas-telemetry",
    ) -> None:
        self.figures = CommitFigures()
        self.openings = OpeningFigures()
        self._membership = membership
        self._stage = stage
        self._settings = settings
        limits = settings.transaction_s, settings.silence_s
        self._opening = TaskOpening(
            *(connection, stage, group, app, make_task, *limits, self.figures),
            accept_lost_rows=settings.accept_lost_rows,
        )
        self._inputs = make_task(0).inputs
        self._slots: dict[int, _Slot] = {}
        self._parked: dict[int, TaskHost] = {}
        self._aside: set[asyncio.Task[None]] = set()
        self._losses: deque[float] = deque(maxlen=LOSSES_LIMIT)
        self._failure: BaseException | None = None
        self._rejoin = False
        self._doors = asyncio.Semaphore(settings.openings_at_once)

    @property
    def restoring(self) -> bool:
        """Return whether a partition is not ready yet."""
        return any(not slot.ready.done() for slot in self._slots.values())

    @property
    def tasks(self) -> Mapping[int, StageTask]:
        """The open tasks by partition, to be looked at only."""
        hosts = ((slot.partition, slot.host) for slot in self._slots.values())
        return {partition: host.task for partition, host in hosts if host is not None}

    def positions(self) -> Mapping[tuple[str, int], int]:
        """Return the committed next offsets."""
        return {
            (topic, slot.partition): offset
            for slot in self._slots.values()
            if slot.host is not None
            for topic, offset in slot.host.committed.items()
        }

    async def assigned(self, partitions: Collection[tuple[str, int]]) -> None:
        """Begin to open the tasks; returns at once, for the group's heartbeat waits for it."""
        numbers = self._task_numbers(partitions)
        for partition in set(self._parked) - numbers:
            self._apart(self._parked.pop(partition).close())
        for partition in sorted(numbers - set(self._slots)):
            parked = self._parked.pop(partition, None)
            slot = self._slots[partition] = _Slot(partition, kept=parked is not None)
            slot.filling = asyncio.create_task(self._fill(slot, parked), name=f"open-{partition}")

    async def revoked(self, partitions: Collection[tuple[str, int]]) -> None:
        """Commit what was added and keep the tasks aside, should they come back."""
        numbers = {partition for _, partition in partitions}
        slots = [self._slots.pop(number) for number in numbers & set(self._slots)]
        await asyncio.gather(*(self._park(slot) for slot in slots))

    async def add(self, chunk: Chunk) -> None:
        """Add a chunk to its task, or put it aside while the task is being opened.

        Waits while the task is far ahead of its commits.
        """
        slot = self._slots.get(chunk.partition)
        if slot is None:
            return
        if not slot.ready.done():
            self._put_aside(slot, chunk)
            return
        host = slot.host
        if host is None:
            return
        try:
            host.add(chunk)
            self._commit_if_due(host)
            if self._settings.pace.full(host.rows, host.size):
                await host.sent()
        except Exception as error:  # noqa: BLE001 - told apart in _lose
            self._lose(host, error)

    async def tick(self, now: int) -> None:
        """Pass the clock on, begin the commits that are due, raise what went wrong meanwhile."""
        if self._failure is not None:
            raise self._failure
        for slot in list(self._slots.values()):
            host = slot.host
            if host is None or self._slots.get(slot.partition) is not slot:
                continue
            try:
                host.check()
                host.tick(now)
                self._commit_if_due(host)
                # What it took is sent while the next task's flush is made.
                await asyncio.sleep(0)
            except Exception as error:  # noqa: BLE001 - told apart in _lose
                self._lose(host, error)
        if self._rejoin:
            self._rejoin = False
            await self._membership.rejoin()

    async def stop(self) -> None:
        """Commit what was added, within a bound, and release everything."""
        slots, self._slots = list(self._slots.values()), {}
        await asyncio.gather(
            *(self._park(slot, self._settings.stop_s) for slot in slots), return_exceptions=True
        )
        hosts, self._parked = list(self._parked.values()), {}
        await asyncio.gather(
            *(host.close() for host in hosts), *self._aside, return_exceptions=True
        )

    def _task_numbers(self, partitions: Collection[tuple[str, int]]) -> set[int]:
        given = set(partitions)
        numbers = {partition for _, partition in given}
        for topic in self._inputs:
            if missing := sorted(number for number in numbers if (topic, number) not in given):
                raise OurMistake(
                    f"Partition {missing[0]} came without {topic}: the inputs of "
                    f"{self._stage} must have the same number of partitions."
                )
        return numbers

    def _commit_if_due(self, host: TaskHost) -> None:
        if host.due(self._settings.pace, behind=self._behind(host)):
            host.begin_commit()

    def _behind(self, host: TaskHost) -> bool:
        waiting = 0
        for topic in self._inputs:
            end = self._membership.end(topic, host.partition)
            waiting += 0 if end is None else max(end - host.next_offset(topic), 0)
        return waiting > self._settings.pace.behind_offsets

    async def _fill(self, slot: _Slot, parked: TaskHost | None) -> None:
        """Open the task, or keep the parked one; then give it what came meanwhile."""
        host: TaskHost | None = None
        try:
            host = await self._kept(parked)
            if host is None:
                async with self._doors:
                    host = await self._opened(slot.partition)
            await self._catch_up(slot, host)
        except asyncio.CancelledError:
            if host is not None:
                self._apart(host.close())
            if not slot.ready.done():
                # Not by ``_filled``: a library's own cancellation must not leave it half open.
                self._failure = Unavailable(f"{self._stage} {slot.partition} was not opened.")
                slot.ready.set_result(None)
            raise
        except Exception as error:  # noqa: BLE001 - raised again by the next tick
            self._failure = error
            if host is not None:
                self._apart(host.close())
                host = None
        if not slot.ready.done():
            slot.ready.set_result(host)
        if slot.paused:
            slot.paused = False
            self._membership.resume(self._inputs_of(slot))

    async def _catch_up(self, slot: _Slot, host: TaskHost) -> None:
        """Add the chunks that wait; those that come meanwhile queue up behind them."""
        while slot.waiting:
            host.add(slot.waiting.popleft())
            if slot.waiting:
                await asyncio.sleep(0)

    def _put_aside(self, slot: _Slot, chunk: Chunk) -> None:
        slot.waiting.append(chunk)
        rows, size = sum(map(len, slot.waiting)), sum(each.size for each in slot.waiting)
        many = rows >= self._settings.waiting_rows or size >= self._settings.waiting_size
        if many and not slot.paused:
            slot.paused = True
            self._membership.pause(self._inputs_of(slot))

    def _inputs_of(self, slot: _Slot) -> list[tuple[str, int]]:
        return [(topic, slot.partition) for topic in self._inputs]

    async def _kept(self, parked: TaskHost | None) -> TaskHost | None:
        """Return a parked task if nobody else owned it meanwhile."""
        if parked is None:
            return None
        try:
            await parked.reaffirm()
        except (Fenced, Unavailable) as error:
            self._dropped(parked, error)
            return None
        except BaseException:
            self._apart(parked.close())
            raise
        self.openings.kept += 1
        return parked

    async def _opened(self, partition: int) -> TaskHost:
        began = time.monotonic()
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type((Unavailable, Fenced)),
            stop=stop_after_delay(self._settings.open_retry_s),
            wait=wait_exponential_jitter(multiplier=0.2, max=5.0),
            reraise=True,
        ):
            self.openings.retries += attempt.retry_state.attempt_number > 1
            with attempt:
                host = await self._tried(partition)
        seconds = time.monotonic() - began
        self.openings.record(seconds)
        log.info(
            "task opened",
            stage=self._stage,
            partition=partition,
            seconds=round(seconds, 3),
            read={topic: round(each, 3) for topic, each in host.restored_s.items()},
        )
        return host

    async def _tried(self, partition: int) -> TaskHost:
        try:
            return await self._opening.open(partition)
        except (Unavailable, Fenced) as error:
            log.warning(
                "task not opened", stage=self._stage, partition=partition, reason=str(error)
            )
            raise

    async def _park(self, slot: _Slot, limit_s: float | None = None) -> None:
        """Commit a task and put it aside; a commit that fails or takes too long drops it."""
        limit_s = limit_s or self._settings.revoke_s
        deadline = time.monotonic() + limit_s
        if slot.filling is not None and not slot.ready.done():
            await self._filled(slot, limit_s)
        host = slot.host
        if host is None:
            return
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                await host.settle()
        except (Fenced, Unavailable, TimeoutError) as error:
            self._dropped(host, error)
        except BaseException:
            self._apart(host.close())
            raise
        else:
            self._parked[host.partition] = host

    async def _filled(self, slot: _Slot, limit_s: float) -> None:
        """Give a partition up that is being opened; one that is only being kept may finish.

        Assignments may follow each other closely; its state must not be lost to the second.
        """
        if slot.filling is None:
            return
        if slot.kept:
            await asyncio.wait([slot.filling], timeout=limit_s)
        if not slot.ready.done():
            slot.ready.set_result(None)
            slot.filling.cancel()
            await asyncio.wait([slot.filling], timeout=CANCEL_S)

    def _lose(self, host: TaskHost, error: Exception) -> None:
        """Drop a task. Lost to others or to the brokers: a new assignment; else raise."""
        self._slots.pop(host.partition, None)
        if not isinstance(error, Fenced | Unavailable):
            self._apart(host.close())
            raise error
        self._dropped(host, error)
        self.openings.losses += 1
        self._losses.append(time.monotonic())
        if (
            len(self._losses) == LOSSES_LIMIT
            and self._losses[-1] - self._losses[0] < LOSSES_WINDOW_S
        ):
            raise error
        self._rejoin = True

    def _dropped(self, host: TaskHost, error: Fenced | Unavailable | TimeoutError) -> None:
        """Close a task that is not to be used any more, and say why."""
        fenced = isinstance(error, Fenced)
        self.openings.fenced += fenced
        log.warning(
            "task fenced" if fenced else "task dropped",
            stage=self._stage,
            partition=host.partition,
            reason=str(error) if isinstance(error, TelemetryError) else type(error).__name__,
        )
        self._apart(host.close())

    def _apart(self, work: Coroutine[None, None, None]) -> None:
        """Run something to its end beside the stage; ``stop`` waits for it."""
        task = asyncio.create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)
