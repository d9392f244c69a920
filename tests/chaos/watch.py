"""Whether the line moves: commits of all groups and files published, looked at every second."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

from pipeline.app.settings import Settings
from pipeline.app.stages import STAGES, input_topics
from pipeline.domain.errors import TelemetryError
from pipeline.kafka.progress import Progress

LOOK_S: Final = 1.0
ANSWER_S: Final = 60.0


class Standstill:
    """What looks have seen of the line; times are monotonic seconds.

    ``still_s``: how long nothing has moved although there was something to do. Only the time
    between two looks in a row that were answered counts: brokers that are away say nothing.
    """

    def __init__(self, now: float) -> None:
        self.still_s = 0.0
        self.longest_s = 0.0
        self.moved_at = now
        self.answered_at = now
        self._before: float | None = None
        self._state: tuple[int, ...] = ()

    def answered(self, state: tuple[int, ...], *, behind: int, now: float) -> None:
        """Take how far the line has come, and how much is left to do."""
        if state != self._state or behind == 0:
            self._state, self.moved_at, self.still_s = state, now, 0.0
        elif self._before is not None:
            self.still_s += now - self._before
        self.longest_s = max(self.longest_s, self.still_s)
        self._before = self.answered_at = now

    def unanswered(self) -> None:
        """Take note of a look without answer."""
        self._before = None


class Watch:
    """Looks at the line until it is cancelled."""

    def __init__(self, settings: Settings, outside: Callable[[], tuple[int, int]]) -> None:
        self._settings = settings
        self._outside = outside
        self._seen = Standstill(time.monotonic())

    @property
    def still_s(self) -> float:
        """How long nothing has moved, as far as the brokers have answered."""
        return self._seen.still_s

    @property
    def longest_s(self) -> float:
        """The longest standstill so far."""
        return self._seen.longest_s

    @property
    def unseen_s(self) -> float:
        """Seconds since something was seen to move, answered or not, or nothing was left to do."""
        return time.monotonic() - self._seen.moved_at

    @property
    def silent_s(self) -> float:
        """Seconds since the brokers answered."""
        return time.monotonic() - self._seen.answered_at

    async def run(self) -> None:
        """Look for ever."""
        while True:
            with contextlib.suppress(TelemetryError):  # the brokers are away: opened again
                async with Progress(self._settings.kafka()) as progress:
                    await self._watch(progress)
            await asyncio.sleep(LOOK_S)

    async def _watch(self, progress: Progress) -> None:
        while True:
            try:
                async with asyncio.timeout(ANSWER_S):
                    state, behind = await self._look(progress)
            except (TelemetryError, TimeoutError):
                self._seen.unanswered()
            else:
                self._seen.answered(state, behind=behind, now=time.monotonic())
            await asyncio.sleep(LOOK_S)

    async def _look(self, progress: Progress) -> tuple[tuple[int, ...], int]:
        """Return how far the line has come, and how much is left to do."""
        done, released = self._outside()
        committed, behind = 0, released - done
        for stage in STAGES:
            topics = input_topics(stage, self._settings)
            for lag in (await progress.lag(self._settings.group(stage), topics)).values():
                committed += lag.committed or 0
                behind += lag.behind
        return (committed, done), behind
