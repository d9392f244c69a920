"""How busy each hour of the week is, relative to the whole: learned from all keys of a rule.

Before an hour of the week was seen, the same hour of like days (workdays, weekend) stands for it;
while that is unknown too the hour is unknown, and rules apply their floors for cold starts.

Hours are those of the installation's clocks: a morning comes at eight, whatever the offset to UTC.
"""

import math
from typing import Any, Final

from pipeline.detect.local_time import local_minute

HOUR_MIN: Final = 60
WEEK_HOURS: Final = 168
WEEK_MIN: Final = WEEK_HOURS * HOUR_MIN

EPOCH_WEEKDAY: Final = 3
"""1970-01-01 was a Thursday; Monday is 0."""

WEIGHT: Final = 4.0
"""Blocks of like days that one hour of the week leans on."""

LOWEST: Final = 0.02
HIGHEST: Final = 50.0
"""Bounds of a factor: an hour without anything is no proof that nothing can come."""


def hour_of_week(minute: int) -> int:
    """Return 0 (Monday, 00:00) to 167 for a minute since the epoch."""
    return (minute // HOUR_MIN + EPOCH_WEEKDAY * 24) % WEEK_HOURS


class Season:
    """Decayed sums per hour of the week; ``on`` False: every hour is alike."""

    def __init__(
        self, half_life_min: float, block_min: int, *, on: bool, zone: str = "UTC"
    ) -> None:
        self._per_hour = HOUR_MIN / block_min
        self.on = on
        self._zone = zone
        self._half_life = half_life_min
        self._counts = [0.0] * WEEK_HOURS
        self._blocks = [0.0] * WEEK_HOURS
        self._weeks = [0] * WEEK_HOURS
        self._factors: dict[int, float] = {}

    def hour(self, minute: int) -> int:
        """Return the hour of the week that the clocks of the season's zone show at a minute."""
        return hour_of_week(local_minute(minute, self._zone))

    def learn(self, minute: int, count: float) -> None:
        """Take what all keys together counted in a block that begins at a minute."""
        if not self.on:
            return
        hour, week = self.hour(minute), minute // WEEK_MIN
        fade = math.exp2((self._weeks[hour] - week) * WEEK_MIN / self._half_life)
        self._counts[hour] = self._counts[hour] * fade + count
        self._blocks[hour] = self._blocks[hour] * fade + 1
        self._weeks[hour] = week
        self._factors.clear()

    def knows(self, minute: int) -> bool:
        """Return whether this hour was seen on an earlier day that is alike."""
        hour = self.hour(minute)
        return self.knows_well(minute) or any(self._blocks[x] > 0 for x in _like(hour) if x != hour)

    def knows_well(self, minute: int) -> bool:
        """Return whether this hour of the week was seen in an earlier week."""
        return not self.on or self._blocks[self.hour(minute)] > self._per_hour

    def factor(self, minute: int) -> float:
        """Return how many times as much as on average is usual at this minute."""
        if not self.on:
            return 1.0
        hour = self.hour(minute)
        known = self._factors.get(hour)
        if known is None:
            known = self._factors[hour] = self._factor(hour)
        return known

    def _factor(self, hour: int) -> float:
        blocks = sum(self._blocks)
        counts = sum(self._counts)
        like = _like(hour)
        like_blocks = sum(self._blocks[x] for x in like)
        if not counts or not like_blocks:
            return 1.0
        mean = counts / blocks
        usual = sum(self._counts[x] for x in like) / like_blocks
        own = (self._counts[hour] + WEIGHT * usual) / (self._blocks[hour] + WEIGHT)
        return min(HIGHEST, max(LOWEST, own / mean))

    def dump(self) -> list[Any]:
        """Return the state as JSON values."""
        return [self._counts, self._blocks, self._weeks] if self.on else []

    def load(self, state: list[Any]) -> None:
        """Take back what ``dump`` gave."""
        if self.on and state:
            self._counts, self._blocks, self._weeks = state
            self._factors.clear()


def _like(hour: int) -> range | tuple[int, ...]:
    """Return the hours of the week that are alike: the same time, workday or weekend."""
    day, time = divmod(hour, 24)
    return range(time, 120, 24) if day < 5 else (120 + time, 144 + time)
