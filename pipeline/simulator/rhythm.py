"""When things happen: hours of the day and days of the week, in local time.

No university publishes its curve; this one has the known traits: working-day peaks, a higher
evening peak towards the 23:59 deadline, quiet weekends but for Sunday evening.
"""

from bisect import bisect
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from pipeline.domain.event_time import HOUR
from pipeline.simulator.dice import Dice, cumulative
from pipeline.simulator.times import local_hour_us

# Share of a day's sessions that begin in each local hour, 0 … 23.
_PEOPLE: Final = cumulative(
    (
        *(1.6, 0.8, 0.5, 0.3, 0.2, 0.3, 0.7, 1.6, 3.0, 4.2, 4.8, 4.8),
        *(4.2, 4.6, 4.7, 4.4, 4.0, 3.6, 3.8, 4.6, 5.4, 6.0, 6.4, 5.4),
    )
)
# Monday … Sunday, against an ordinary working day.
_WEEKDAYS: Final = (1.02, 1.0, 1.0, 0.97, 0.82, 0.5, 0.75)


def weekday_share(day: date) -> float:
    """Give how much happens on a day, against an ordinary working day."""
    return _WEEKDAYS[day.weekday()]


def is_working_day(day: date) -> bool:
    """Whether offices and classes are open."""
    return day.weekday() < 5


class LocalDay:
    """The hours of one local day as instants."""

    __slots__ = ("_hours", "day")

    def __init__(self, day: date, zone: ZoneInfo) -> None:
        self.day = day
        self._hours = [local_hour_us(day, hour, zone) for hour in range(24)]

    def at(self, hour: float) -> int:
        """Give the instant of a local time of day, in hours."""
        whole = int(hour)
        return self._hours[whole] + int((hour - whole) * HOUR)

    def draw_by_people(self, dice: Dice) -> int:
        """Draw an instant as people come: peaks by day and evening."""
        return self.at(bisect(_PEOPLE, dice.uniform()) + dice.uniform())

    def draw_evenly(self, dice: Dice) -> int:
        """Draw an instant as programs come: as likely by night."""
        return self.at(24.0 * dice.uniform())
