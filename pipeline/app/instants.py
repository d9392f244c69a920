"""Instants that people give to commands: ISO 8601, UTC where no offset is written."""

from datetime import UTC, datetime, timedelta
from typing import Final

from pipeline.domain.errors import SettingsError

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment(option: str, text: str) -> datetime:
    """Return what stands behind an option as a time in UTC; a date alone is its midnight.

    Raises SettingsError if it is no instant.
    """
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsError(
            f"{option} {text} is no instant; write it like 2026-02-15T00:00:00Z"
        ) from None
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)


def instant(option: str, text: str) -> int:
    """Return it in microseconds since 1970. Raises SettingsError if it is no instant."""
    return (moment(option, text) - _EPOCH) // timedelta(microseconds=1)
