"""DAP's JSON Schema of web_logs compared with the columns we read.

A table's schema has ``meta``, ``key`` and ``value``, each a JSON Schema of an object. Nullable
columns are simply not required; enums and sentinels come as ``anyOf`` or ``oneOf``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pipeline.codecs.web_log_fields import IDS, NULLABLE_TEXTS, REQUIRED_TEXTS, WHOLES

_KINDS: Final[dict[str, str]] = {
    **dict.fromkeys((*IDS, *WHOLES), "integer"),
    **dict.fromkeys((*REQUIRED_TEXTS, *NULLABLE_TEXTS, "timestamp", "session_id"), "string"),
    "participated": "boolean",
}
_OF_VALUES: Final[Mapping[type, str]] = {bool: "boolean", int: "integer", str: "string"}


class SchemaDifference(NamedTuple):
    """``new`` columns are kept in ``extra``; ``wrong`` says what cannot be read, in words."""

    new: tuple[str, ...]
    wrong: tuple[str, ...]


def compare_schema(schema: Mapping[str, Any]) -> SchemaDifference:
    """Return how a table's schema differs from what we read."""
    properties = _mapping(schema.get("properties"))
    key = _mapping(_mapping(properties.get("key")).get("properties"))
    value = _mapping(_mapping(properties.get("value")).get("properties"))
    wrong = [*_wrong("key.id", key.get("id"), "string")]
    for name, kind in _KINDS.items():
        wrong += _wrong(name, value.get(name), kind)
    new = (
        *sorted(value.keys() - _KINDS.keys()),
        *(f"key.{n}" for n in sorted(key.keys() - {"id"})),
    )
    return SchemaDifference(new, tuple(wrong))


def _wrong(name: str, column: Any, kind: str) -> Iterator[str]:
    if column is None:
        yield f"{name} is missing"
        return
    others = sorted(set(_types(column)) - {kind, "null"})
    if others:
        yield f"{name} is {' or '.join(others)} instead of {kind}"


def _types(column: Any) -> Iterator[str]:
    """Give the types of a column's values; none if the schema does not tell."""
    if not isinstance(column, Mapping):
        return
    declared = column.get("type")
    if declared is not None:
        yield from [declared] if isinstance(declared, str) else declared
        return
    for choice in ("anyOf", "oneOf"):
        for part in _sequence(column.get(choice)):
            yield from _types(part)
    values = [*_sequence(column.get("enum")), *([column["const"]] if "const" in column else [])]
    for value in values:
        if value is not None:
            yield _OF_VALUES.get(type(value), type(value).__name__)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _sequence(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()
