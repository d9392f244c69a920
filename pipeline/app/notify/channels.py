"""A channel to people, and the lane that delivers to it in order, again and again."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

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
    """Pauses grow from ``first_s`` to ``longest_s``; after ``total_s`` it is a dead end."""

    first_s: float = 1.0
    longest_s: float = 300.0
    total_s: float = 6 * 3600.0


class Lane:
    """Notices of one channel, in order; one that cannot be delivered is a visible dead end."""

    def __init__(
        self,
        channel: Channel,
        undelivered: Undelivered,
        clock_s: Callable[[], float],
        persistence: Persistence,
    ) -> None:
        self.channel = channel
        self.figures = LaneFigures()
        self._undelivered = undelivered
        self._clock_s = clock_s
        self._persistence = persistence
        self._waiting: deque[Notice] = deque()
        self._some = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Notices that are not delivered yet."""
        return len(self._waiting)

    @property
    def oldest_offset(self) -> int | None:
        """Offset of the oldest record that is not delivered; None: nothing waits."""
        return min((one.offset for one in self._waiting if one.offset is not None), default=None)

    def offer(self, notice: Notice) -> None:
        """Take a notice, if the channel is told of its kind."""
        if notice.kind in self.channel.kinds:
            self._waiting.append(notice)
            self._some.set()

    def forget(self) -> None:
        """Forget what is not delivered: the records come again."""
        self._waiting.clear()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            while self._waiting:
                notice = self._waiting[0]
                await self._deliver(notice)
                if self._waiting and self._waiting[0] is notice:
                    self._waiting.popleft()
            self._some.clear()
            await self._some.wait()

    async def _deliver(self, notice: Notice) -> None:
        persistence = self._persistence
        try:
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type(Unavailable),
                wait=wait_exponential_jitter(
                    multiplier=persistence.first_s,
                    max=persistence.longest_s,
                    jitter=persistence.first_s,
                ),
                stop=stop_after_delay(persistence.total_s),
                reraise=True,
            ):
                with attempt:
                    if attempt.retry_state.attempt_number > 1:
                        self.figures.outcomes["retried"] += 1
                    await self.channel.send(notice)
        except (Unavailable, Refused) as error:
            self.figures.outcomes["undelivered"] += 1
            log.error(  # noqa: TRY400 - no traceback: the reason says it
                "alert_undelivered",
                channel=self.channel.name,
                episode=notice.record["episode"],
                rule=notice.record["rule"],
                why=str(error),
            )
            await self._undelivered(notice, self.channel.name, str(error))
            return
        self.figures.outcomes["sent"] += 1
        self.figures.last_success = self._clock_s()
