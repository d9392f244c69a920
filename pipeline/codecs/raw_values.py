"""Values of the feeds as they come in JSON → texts, UUIDs and instants.

Each raises ValueError, in words that do not quote the value, if it is none. For ids see
``canonical``.
"""

from typing import Any, Final

from pipeline.codecs.canonical import dashed, hex_128, text_or_none
from pipeline.codecs.instants import parse_instant

_MAY_BE_NOTHING: Final = frozenset(["", "_", *" \t\n\r\x0b\x0c"])
"""What blank texts and sentinels begin with."""


def text_of(value: Any) -> str | None:
    """Return a text, a number's digits; None for null, blank texts and sentinels."""
    if isinstance(value, str):
        return text_or_none(value) if value[:1] in _MAY_BE_NOTHING else value
    if value is None:
        return None
    if isinstance(value, bool | dict | list):
        raise ValueError("should be a text")  # noqa: TRY004 - pydantic takes ValueError
    return text_or_none(str(value))


def required_text(value: Any) -> str:
    """Return a text that is neither blank nor a sentinel."""
    text = text_of(value)
    if text is None:
        raise ValueError("is blank")
    return text


def uuid_of(value: Any) -> str:
    """Return the UUID text of 128 bits in any of the forms that ``hex_128`` knows."""
    digits = hex_128(value) if isinstance(value, str) else None
    if digits is None:
        raise ValueError("should be a UUID")
    return dashed(digits)


def instant_or_none(value: Any) -> int | None:
    """Return the instant that a text says, in microseconds; None for anything else."""
    return parse_instant(value) if isinstance(value, str) else None


def instant_of(value: Any) -> int:
    """Return the instant that a text says, in microseconds."""
    instant = instant_or_none(value)
    if instant is None:
        raise ValueError("should be an instant like 2026-02-15T04:31:07.218Z")
    return instant
