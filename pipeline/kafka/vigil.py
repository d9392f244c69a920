"""Whether a worker gets on: brokers that answer, an assignment, records that come, lag that moves.

What it finds ends the worker, or becomes one log line and a metric. The limits of single calls
stand where the calls are.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from pipeline.domain.errors import TelemetryError, Unavailable
from pipeline.kafka.fetched import ConsumerLimits, Reach
from pipeline.kafka.status import Partition, WorkerStatus

log = structlog.get_logger(__name__)

LOOK_S: Final = 2.0
"""How often the worker asks the brokers where its partitions end."""


class Stuck(TelemetryError):
    """The handler does not come back from a chunk; only a new start mends it."""


class Group(Protocol):
    """What is asked of the membership."""

    @property
    def waiting(self) -> bool:
        """Return whether the brokers had something to fetch at the last refresh."""

    async def refresh(self) -> Mapping[Partition, Reach]:
        """Ask the brokers how far the assigned partitions go. Raises Unavailable."""


class Positions(Protocol):
    """What is asked of the handler."""

    def positions(self) -> Mapping[Partition, int]:
        """Return the committed next offsets."""


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """How long things may take, in seconds, before the worker says so or ends.

    ``stop_s``: from a signal to the end of the process. ``broker_s``: brokers that stay away.
    ``rebalance_s``: what a handler may take to give partitions back. ``join_s``: a group that gives
    no assignment; it must be longer than the consumer's rebalance timeout. ``stall_s``: a
    partition's lag without progress until it is logged. ``starve_s``: records that are there and do
    not come, from brokers that answer. ``add_s``: a handler that does not come back from a chunk;
    longer than a dead ClickHouse is waited for. ``hang_s``: an event loop that stands still.
    """

    stop_s: float = 10.0
    broker_s: float = 120.0
    rebalance_s: float = 20.0
    join_s: float = 300.0
    stall_s: float = 60.0
    starve_s: float = 60.0
    add_s: float = 600.0
    hang_s: float = 180.0
    look_s: float = LOOK_S
    consumer: ConsumerLimits = field(default_factory=ConsumerLimits)


DEFAULT_LIMITS: Final = WorkerLimits()


class Vigil:
    """Watches one worker; the worker tells it when a chunk is being added."""

    def __init__(self, stage: str, limits: WorkerLimits, status: WorkerStatus) -> None:
        self._stage = stage
        self._limits = limits
        self._status = status
        now = time.monotonic()
        self._fed = now
        self._member = now
        self._adding_since: float | None = None
        self._said: frozenset[Partition] = frozenset()

    @contextmanager
    def adding(self) -> Iterator[None]:
        """Hold this while the handler takes a chunk."""
        self._adding_since = time.monotonic()
        try:
            yield
        finally:
            self._adding_since = None
            self._fed = time.monotonic()

    async def keep(self, group: Group, handler: Positions) -> None:
        """Watch until something is wrong. Raises Unavailable, Stuck."""
        heard = time.monotonic()
        while True:
            await asyncio.sleep(self._limits.look_s)
            self._end_if_stuck()
            self._end_without_assignment()
            try:
                reach = await group.refresh()
            except Unavailable:
                if time.monotonic() - heard > self._limits.broker_s:
                    raise
                # Brokers that answer nobody do not starve the consumer: it has its time from the
                # moment they are back.
                self._fed = time.monotonic()
                continue
            heard = time.monotonic()
            self._status.observe(reach, handler.positions())
            self._say_what_stalls()
            self._end_if_starved(waiting=group.waiting)

    def _end_if_stuck(self) -> None:
        since = self._adding_since
        if since is not None and time.monotonic() - since > self._limits.add_s:
            raise Stuck(f"A chunk has not been taken for {self._limits.add_s:.0f} s.")

    def _end_without_assignment(self) -> None:
        if self._status.assigned is not None:
            self._member = time.monotonic()
        elif time.monotonic() - self._member > self._limits.join_s:
            raise Unavailable(
                f"The consumer group has given no assignment for {self._limits.join_s:.0f} s."
            )

    def _end_if_starved(self, *, waiting: bool) -> None:
        if self._adding_since is not None or not waiting:
            self._fed = time.monotonic()
        elif time.monotonic() - self._fed > self._limits.starve_s:
            raise Unavailable("The consumer delivers nothing although there are records.")

    def _say_what_stalls(self) -> None:
        stalled = frozenset(
            key for key, seconds in self._status.stalled.items() if seconds > self._limits.stall_s
        )
        if new := stalled - self._said:
            log.warning(
                "no progress",
                stage=self._stage,
                partitions=[f"{topic}/{number}" for topic, number in sorted(new)],
                behind=sum(self._status.lag.get(key, 0) for key in new),
                held_back=sum(self._status.held_back.get(key, 0) for key in new),
                s=round(self._status.stalled_s),
            )
        self._said = stalled
