"""Hours in which a rule stays quiet: a nightly import, a maintenance window every Sunday."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from pipeline.domain.event_time import MICROS

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

WEEK: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_ONE_DAY: Final = timedelta(days=1)

TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (OSError, ValueError, ZoneInfoNotFoundError):
        raise ValueError(f"there is no time zone {value!r}") from None
    return value


TimeZone = Annotated[str, AfterValidator(_known_zone)]
"""A name of the tz database."""


class QuietTime(BaseModel):
    """From ``start`` to ``end`` on some days; an end not after the start is the next day's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[tuple[Day, ...], Field(min_length=1)] = WEEK
    start: TimeOfDay
    end: TimeOfDay


class QuietHours(BaseModel):
    """A weekly schedule in local time.

    An alert whose whole window lies in one of the times is held back: judged and counted, not
    published. One that goes on beyond it is published, so that real trouble is only late.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    zone: TimeZone = "UTC"
    times: Annotated[tuple[QuietTime, ...], Field(min_length=1)]

    def hold(self, start: int, end: int) -> bool:
        """Return whether a window (microseconds) lies wholly in one of the times."""
        zone = ZoneInfo(self.zone)
        first = datetime.fromtimestamp(start // MICROS, UTC)
        last = datetime.fromtimestamp(-(-end // MICROS), UTC)
        today = first.astimezone(zone).date()
        return any(
            begins <= first and last <= ends
            for one in self.times
            for day in (today - _ONE_DAY, today)
            if WEEK[day.weekday()] in one.days
            for begins, ends in [_interval(one, day, zone)]
        )


def _interval(one: QuietTime, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    begins, ends = time.fromisoformat(one.start), time.fromisoformat(one.end)
    after = day if ends > begins else day + _ONE_DAY
    return (
        datetime.combine(day, begins, zone).astimezone(UTC),
        datetime.combine(after, ends, zone).astimezone(UTC),
    )
