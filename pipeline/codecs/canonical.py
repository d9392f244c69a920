"""Canonical values: session ids, request ids, Canvas ids, sentinels (semantics rules 1, 2 and 6).

Each rule stands here twice, for one value and for a column; a property test holds them together.
"""

import re
from typing import Any, Final

import polars as pl

SHARD: Final = 10_000_000_000_000
"""A global Canvas id is shard * 10^13 + local id."""

LARGEST_ID: Final = 2**63 - 1
_SURE_DIGITS: Final = 18
"""So many digits are never more than 63 bits."""

_SENTINEL: Final = r"(?i)^_{1,2}(?:dap|cd2)_(?:unspecified|oversized_truncated)_{1,2}$"
_SENTINEL_RE: Final = re.compile(_SENTINEL)
_HEX_128: Final = re.compile(r"[0-9a-f]{32}")
_DASHED: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,19}")
_SHARD_LOCAL: Final = re.compile(r"([0-9]{1,6})~([0-9]{1,13})")


def hex_128(text: str | None) -> str | None:
    """Return 32 lower-case hex digits for a plain, dashed or URN form; None if it is not 128 bits.

    White space around is ignored, and so is everything up to the last colon.
    """
    if text is None:
        return None
    digits = text.strip().rpartition(":")[2].replace("-", "").lower()
    return digits if _HEX_128.fullmatch(digits) else None


def dashed(digits: str) -> str:
    """Return the UUID text of 32 hex digits."""
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def hex_128_column(texts: pl.Series) -> pl.Series:
    """Apply ``hex_128`` to a column."""
    digits = texts.str.replace_all("-", "", literal=True).str.to_lowercase()
    if digits.str.contains(_HEX_COLUMN).all():
        return digits
    tails = texts.str.strip_chars(_WHITE).str.extract("([^:]*)$")
    digits = tails.str.replace_all("-", "", literal=True).str.to_lowercase()
    kept = digits.str.contains(_HEX_COLUMN)
    return digits.to_frame().select(pl.when(kept).then(digits)).to_series().rename(texts.name)


_HEX_COLUMN: Final = "^[0-9a-f]{32}$"
_WHITE: Final = " \t\n\r\x0b\x0c"


def uuid_column(texts: pl.Series) -> pl.Series:
    """Return canonical UUID texts, null where a value is not 128 bits."""
    if texts.str.contains(_DASHED).all():
        return texts
    digits = hex_128_column(texts)
    parts = [digits.str.slice(start, length) for start, length in _UUID_PARTS]
    return pl.select(pl.concat_str(parts, separator="-")).to_series().rename(texts.name)


_UUID_PARTS: Final = ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))


def canvas_id(value: Any) -> int | None:
    """Return an id given as number or text, also ``shard~local``; None for null and blank.

    Raises ValueError, in words that do not quote it, if it is no id.
    """
    if value is None:
        return None
    if isinstance(value, bool):
        raise ValueError("an id is a whole number, not true or false")  # noqa: TRY004
    if isinstance(value, int):
        number = value
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    elif isinstance(value, str):
        if len(value) <= _SURE_DIGITS and value.isascii() and value.isdigit():
            return int(value)
        text = value.strip()
        if not text or is_sentinel(text):
            return None
        if found := _SHARD_LOCAL.fullmatch(text):
            number = int(found[1]) * SHARD + int(found[2])
        elif _WHOLE.fullmatch(text):
            number = int(text)
        else:
            raise ValueError("an id is a whole number")
    else:
        raise ValueError("an id is a whole number")
    if not -LARGEST_ID <= number <= LARGEST_ID:
        raise ValueError("an id has at most 63 bits")
    return number


def local_id(number: int, home_shard: int | None) -> int:
    """Return the local form of an id of the home shard, every other id as it is."""
    if home_shard is not None and number >= SHARD and number // SHARD == home_shard:
        return number % SHARD
    return number


def local_ids(column: str, home_shard: int | None) -> pl.Expr:
    """Apply ``local_id`` to a column."""
    number = pl.col(column)
    if home_shard is None:
        return number
    home = (number >= SHARD) & (number // SHARD == home_shard)
    return pl.when(home).then(number % SHARD).otherwise(number).alias(column)


def is_sentinel(text: str) -> bool:
    """Tell whether a text is one of the Data Access Platform's stand-ins for a value."""
    return text[:1] == "_" and _SENTINEL_RE.match(text) is not None


def text_or_none(text: str | None) -> str | None:
    """Return None for blank texts and sentinels."""
    if text is None or not text.strip(_WHITE) or is_sentinel(text):
        return None
    return text


def texts_or_null(texts: pl.Series) -> pl.Series:
    """Apply ``text_or_none`` to a column."""
    blank = texts.str.contains(r"^[ \t\n\r\x0b\x0c]*$")
    sentinel = texts.str.starts_with("_")
    if sentinel.any():
        sentinel = texts.str.contains(_SENTINEL)
    unwanted = (blank | sentinel).fill_null(value=False)
    if not unwanted.any():
        return texts
    return texts.set(unwanted, None)


def text_or_null(column: str) -> pl.Expr:
    """Apply ``text_or_none`` to a column of a frame."""
    text = pl.col(column)
    return pl.when(~text.str.contains(_NOTHING)).then(text)


_NOTHING: Final = rf"^[ \t\n\r\x0b\x0c]*$|{_SENTINEL}"
