"""A channel to people, and the lane that delivers to it in order, again and again."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

import structlog
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential_jitter,
)

from pipeline.app.notify.book import Kind
from pipeline.app.notify.notices import Notice
from pipeline.domain.errors import TelemetryError, Unavailable

CALM: Final[frozenset[Kind]] = frozenset(
    {"opened", "found", "risen", "resolved", "reopened", "retracted"}
)
"""What people are told of; a program may want everything."""

log = structlog.get_logger(__name__)


class Refused(TelemetryError):
    """A channel answered that it will not take a message, now or later."""


class Channel(Protocol):
    """Where notices go."""

    @property
    def name(self) -> str:
        """Name in metrics, logs and actions."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """Which changes it is told of."""

    async def send(self, notice: Notice) -> None:
        """Deliver; raise Unavailable if it is worth trying again, Refused if it is not."""


@dataclass(slots=True)
class LaneFigures:
    """What a lane counted since the start: outcomes are sent, retried and undelivered."""

    outcomes: Counter[str] = field(default_factory=Counter)
    last_success: float | None = None


Undelivered = Callable[[Notice, str, str], Awaitable[None]]
"""Takes a notice, the channel and the reason."""


@dataclass(frozen=True, slots=True)
class Persistence:
    """Pauses grow from ``first_s`` to ``longest_s``.

    A notice that waited ``total_s`` is a dead end, and so is the oldest of more than ``most``.
    """

    first_s: float = 1.0
    longest_s: float = 300.0
    total_s: float = 6 * 3600.0
    most: int = 10_000


class _Waiting(NamedTuple):
    """A notice, and since when (monotonic seconds) it waits."""

    since_s: float
    notice: Notice


class Lane:
    """Notices of one channel, in order; one that cannot be delivered is a visible dead end."""

    def __init__(
        self,
        channel: Channel,
        undelivered: Undelivered,
        clock_s: Callable[[], float],
        persistence: Persistence,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.channel = channel
        self.figures = LaneFigures()
        self._undelivered = undelivered
        self._clock_s = clock_s
        self._persistence = persistence
        self._monotonic_s = monotonic_s
        self._waiting: deque[_Waiting] = deque()
        self._some = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Notices that are not delivered yet."""
        return len(self._waiting)

    @property
    def oldest_offset(self) -> int | None:
        """Offset of the oldest record that is not delivered; None: nothing waits."""
        offsets = (one.notice.offset for one in self._waiting)
        return min((offset for offset in offsets if offset is not None), default=None)

    def offer(self, notice: Notice) -> None:
        """Take a notice, if the channel is told of its kind."""
        if notice.kind in self.channel.kinds:
            self._waiting.append(_Waiting(self._monotonic_s(), notice))
            self._some.set()

    def forget(self) -> None:
        """Forget what is not delivered: the records come again."""
        self._waiting.clear()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            while self._waiting:
                one = self._waiting[0]
                await self._deliver(one)
                if self._waiting and self._waiting[0] is one:
                    self._waiting.popleft()
            self._some.clear()
            await self._some.wait()

    async def shed(self) -> None:
        """Give up the oldest of too many, so that what waits here stays bounded.

        The very first is under way, and given up in its time.
        """
        while len(self._waiting) > self._persistence.most:
            one = self._waiting[1]
            del self._waiting[1]
            await self._give_up(one.notice, f"more than {self._persistence.most:,} wait")

    async def _deliver(self, one: _Waiting) -> None:
        persistence, notice = self._persistence, one.notice
        waited_s = self._monotonic_s() - one.since_s
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(Unavailable),
                wait=wait_exponential_jitter(
                    multiplier=persistence.first_s,
                    max=persistence.longest_s,
                    jitter=persistence.first_s,
                ),
                stop=stop_after_delay(max(0.0, persistence.total_s - waited_s)),
                reraise=True,
            ):
                with attempt:
                    if attempt.retry_state.attempt_number > 1:
                        self.figures.outcomes["retried"] += 1
                    await self.channel.send(notice)
        except (Unavailable, Refused) as error:
            await self._give_up(notice, str(error))
            return
        self.figures.outcomes["sent"] += 1
        self.figures.last_success = self._clock_s()

    async def _give_up(self, notice: Notice, why: str) -> None:
        self.figures.outcomes["undelivered"] += 1
        log.error(
            "alert_undelivered",
            channel=self.channel.name,
            episode=notice.record["episode"],
            rule=notice.record["rule"],
            why=why,
        )
        await self._undelivered(notice, self.channel.name, why)
