"""Instants as text, and local days as instants."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from pipeline.domain.event_time import HOUR, MICROS, MINUTE

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_ms(time_us: int) -> str:
    """Write an instant as Canvas does: `2026-02-15T04:31:07.218Z`."""
    minute, rest = divmod(time_us, MINUTE)
    ms = rest // 1000
    return f"{_minute_text(minute)}{ms // 1000:02d}.{ms % 1000:03d}Z"


def iso_s(time_us: int) -> str:
    """Write an instant to the second, as the bodies of Live Events do."""
    minute, rest = divmod(time_us, MINUTE)
    return f"{_minute_text(minute)}{rest // MICROS:02d}Z"


@lru_cache(maxsize=4096)
def _minute_text(minute: int) -> str:
    return (_EPOCH + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:")


def local_date(time_us: int, zone: ZoneInfo) -> date:
    """Give the calendar day of an instant in a time zone."""
    return _local(time_us, zone).date()


def local_hour(time_us: int, zone: ZoneInfo) -> int:
    """Give the hour of day (0 … 23) of an instant in a time zone."""
    return _local_hour_of(time_us // (HOUR // 4), zone)


@lru_cache(maxsize=1024)
def _local_hour_of(quarter: int, zone: ZoneInfo) -> int:
    # Quarter hours: no time zone is offset by less.
    return _local(quarter * (HOUR // 4), zone).hour


def local_hour_us(day: date, hour: int, zone: ZoneInfo) -> int:
    """Give the instant at which an hour of a local day begins.

    In the night of the change to summer time the missing hour falls on the one after it.
    """
    local = datetime(day.year, day.month, day.day, hour, tzinfo=zone)
    return int(local.timestamp()) * MICROS


def _local(time_us: int, zone: ZoneInfo) -> datetime:
    return (_EPOCH + timedelta(microseconds=time_us)).astimezone(zone)
