"""Minutes as the clocks of a time zone show them: people keep to those, not to UTC."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

QUARTER_MIN: Final = 15
"""Clocks change, and zones differ, by whole quarters of an hour (tz database, since 1972)."""

_MINUTE_S: Final = 60


def local_minute(minute: int, zone: str) -> int:
    """Return the minute that a zone's clocks show at a minute (both since 1970-01-01 00:00).

    Where clocks go back an hour's minutes come twice, where they go forward some never come.
    """
    return minute if zone == "UTC" else minute + _ahead(minute // QUARTER_MIN, zone)


@lru_cache(maxsize=100_000)
def _ahead(quarter: int, zone: str) -> int:
    """Return by how many minutes a zone is ahead of UTC in a quarter of an hour."""
    at = datetime.fromtimestamp(quarter * QUARTER_MIN * _MINUTE_S, UTC)
    shown = at.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)
    return int((shown - at).total_seconds()) // _MINUTE_S
