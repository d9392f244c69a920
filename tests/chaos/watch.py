"""Whether the line moves: commits of all groups and files published, looked at every second."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from pipeline.app.settings import Settings
from pipeline.app.stages import STAGES, input_topics
from pipeline.domain.errors import TelemetryError
from pipeline.kafka.progress import Progress

LOOK_S: Final = 1.0
ANSWER_S: Final = 10.0


class Watch:
    """``still_s``: how long nothing has moved although there is something to do."""

    def __init__(self, settings: Settings, outside: Callable[[], tuple[int, int]]) -> None:
        self.longest_s = 0.0
        self._settings = settings
        self._outside = outside
        self._moved_at = time.monotonic()
        self._state: tuple[int, ...] = ()

    @property
    def still_s(self) -> float:
        """Seconds since something moved, or since nothing was left to do."""
        return time.monotonic() - self._moved_at

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                async with asyncio.timeout(ANSWER_S), Progress(self._settings.kafka()) as progress:
                    await self._look(progress)
            except (TelemetryError, TimeoutError):
                pass  # brokers that do not answer do not move anything either
            self.longest_s = max(self.longest_s, self.still_s)
            await asyncio.sleep(LOOK_S)

    async def _look(self, progress: Progress) -> None:
        done, released = self._outside()
        committed, behind = 0, released - done
        for stage in STAGES:
            topics = input_topics(stage, self._settings)
            for lag in (await progress.lag(self._settings.group(stage), topics)).values():
                committed += lag.committed or 0
                behind += lag.behind
        state = (committed, done)
        if state != self._state or behind == 0:
            self.longest_s = max(self.longest_s, self.still_s)
            self._state, self._moved_at = state, time.monotonic()
