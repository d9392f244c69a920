"""Activity days: the days between two day starts in the instance's time zone (rule 9)."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from pipeline.domain.event_time import MICROS
from pipeline.sessionize.arrays import I64

_DAY: Final = 86_400 * MICROS
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DATE: Final = date(1970, 1, 1)
_REACH: Final = np.arange(-3, 3)
"""A local date's day start lies less than three UTC dates from the date of the same number."""
_WIDE: Final = 64
_MOST_CACHED: Final = 100_000


class ActivityDays:
    """Numbers of activity days; day n starts on local date 1970-01-01 + n days.

    Days around a change of clocks have 23 or 25 hours. A day start that the clocks skip is
    read with the offset before the change; one that comes twice is the first of the two.
    """

    def __init__(self, time_zone: str, day_start_s: int) -> None:
        self._zone = ZoneInfo(time_zone)
        self._at = (_EPOCH + timedelta(seconds=day_start_s)).time()
        self._starts: dict[int, int] = {}

    def of(self, times: I64) -> I64:
        """Return the day number of each time (microseconds, UTC)."""
        if not len(times):
            return np.empty(0, np.int64)
        days, starts = self.around(times)
        return days[np.searchsorted(starts, times, side="right") - 1]

    def around(self, times: I64) -> tuple[I64, I64]:
        """Return all days of some times, at least one, and when each starts; a few more besides."""
        first, last = int(times.min()) // _DAY, int(times.max()) // _DAY
        if last - first <= _WIDE:
            days = np.arange(first + _REACH[0], last + _REACH[-1] + 1)
        else:
            days = np.unique(np.unique(times // _DAY)[:, None] + _REACH)
        starts = np.array([self.start(day) for day in days.tolist()], np.int64)
        return days, starts

    def start(self, day: int) -> int:
        """Return the instant at which the day starts."""
        known = self._starts.get(day)
        if known is None:
            if len(self._starts) >= _MOST_CACHED:
                self._starts.clear()
            known = self._starts[day] = self._compute(day)
        return known

    def _compute(self, day: int) -> int:
        local = datetime.combine(_EPOCH_DATE + timedelta(days=day), self._at, self._zone)
        return (local.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
