"""JSON as it crosses our edges: strict in, canonical out."""

import json
import re
from typing import Any, Final, NoReturn

_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_CANONICAL: Final = json.JSONEncoder(
    ensure_ascii=False,
    check_circular=False,  # a value that was read has no circles
    sort_keys=True,
    separators=(",", ":"),
    allow_nan=False,
)


DEEPEST: Final = 100
"""Levels of nesting; what walks a value may call itself once per level."""


class NotJson(ValueError):
    """A text that is no JSON value; the message quotes none of it."""


def read_json(text: bytes) -> Any:
    """Return the value of UTF-8 JSON; raise NotJson.

    NaN and infinities are refused as RFC 8259 does. An escaped half of a surrogate pair, which no
    UTF-8 can hold, becomes U+FFFD.
    """
    try:
        decoded = text.decode()
    except UnicodeDecodeError as error:
        raise NotJson(f"byte {error.start} is not UTF-8") from None
    try:
        value = _DECODER.decode(decoded)
    except json.JSONDecodeError as error:
        raise NotJson(f"{error.msg.removesuffix(' at')} at character {error.pos}") from None
    except RecursionError:
        raise NotJson("it is nested too deeply") from None
    except ValueError:
        # Integers of more than 4,300 digits, and what _refuse says.
        raise NotJson("it holds a number that JSON does not know, or one too long") from None
    if decoded.count("{") + decoded.count("[") > DEEPEST and _is_deeper(value, DEEPEST):
        raise NotJson("it is nested too deeply")
    if "\\ud" in decoded or "\\uD" in decoded:
        return without_lone_surrogates(value)
    return value


def canonical_json(value: Any) -> str:
    """Return compact JSON with sorted keys; raise NotJson for a number beyond a double's range."""
    try:
        return _CANONICAL.encode(value)
    except (ValueError, RecursionError):
        raise NotJson("it holds a number beyond the range of a double") from None


def without_lone_surrogates(value: Any) -> Any:
    """Return a JSON value whose strings can be written as UTF-8."""
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {
            without_lone_surrogates(name): without_lone_surrogates(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [without_lone_surrogates(item) for item in value]
    return value


def _is_deeper(value: Any, levels: int) -> bool:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        level = [
            item
            for outer in level
            for item in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(item, dict | list)
        ]
        if not level:
            return False
    return True


def _refuse(_constant: str) -> NoReturn:
    raise ValueError


_DECODER: Final = json.JSONDecoder(parse_constant=_refuse)
"""Made once: ``json.loads`` with an argument makes one for every text."""
