"""Flat records: the shape of every schema here, as values.

A flat record has fields of primitive type, nullable ones, and arrays of texts or integers.
Logical types are names for people: inside, a time is its long and a uuid its string.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, cast

import polars as pl

Kind = Literal["string", "bytes", "int", "long", "float", "double", "boolean"]

KINDS: Final[Mapping[Kind, pl.DataType]] = {
    "string": pl.String(),
    "bytes": pl.Binary(),
    "int": pl.Int32(),
    "long": pl.Int64(),
    "float": pl.Float32(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
}

ITEM_KINDS: Final = ("string", "bytes", "int", "long")
"""What arrays may hold."""


class NotFlat(ValueError):
    """A schema is no flat record; fastavro can still read it, columns cannot."""


class FlatField(NamedTuple):
    """One field.

    ``array`` means an array of ``kind``; ``null_branch`` is the place of null in its union (0
    or 1), None if it is not nullable.
    """

    name: str
    kind: Kind
    array: bool
    null_branch: int | None
    has_default: bool
    default: Any

    @property
    def dtype(self) -> pl.DataType:
        """The polars type of its column: times are Int64, arrays List."""
        kind = KINDS[self.kind]
        return pl.List(kind) if self.array else kind

    @property
    def nullable(self) -> bool:
        """Whether null is a value of it."""
        return self.null_branch is not None


def flat_fields(schema: Mapping[str, Any]) -> tuple[FlatField, ...]:
    """Return the fields of a record schema in order; raise NotFlat if it is not flat."""
    if schema.get("type") != "record":
        raise NotFlat("the schema is no record")
    return tuple(_field(field) for field in schema["fields"])


def plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema without logical types: the same bytes, times as integers."""
    return cast(dict[str, Any], _plain(dict(schema)))


def dtypes(schema: Mapping[str, Any]) -> dict[str, pl.DataType]:
    """Return the polars type of every column of a flat record: the schema of its frames."""
    return {field.name: field.dtype for field in flat_fields(schema)}


def _field(field: Mapping[str, Any]) -> FlatField:
    declared, null_branch = field["type"], None
    if isinstance(declared, list):
        if len(declared) != 2 or declared.count("null") != 1:
            raise NotFlat(f"field {field['name']!r} is a union of other than null and one type")
        null_branch = declared.index("null")
        declared = declared[1 - null_branch]
    array = isinstance(declared, dict) and declared.get("type") == "array"
    kind = _kind(declared["items"] if array else declared)
    if kind is None or (array and kind not in ITEM_KINDS):
        raise NotFlat(f"field {field['name']!r} has a type that columns do not hold")
    has_default = "default" in field
    return FlatField(field["name"], kind, array, null_branch, has_default, field.get("default"))


def _kind(declared: Any) -> Kind | None:
    while isinstance(declared, dict):
        declared = declared.get("type")
    return next((kind for kind in KINDS if kind == declared), None)


def _plain(node: Any) -> Any:
    if isinstance(node, list):
        return [_plain(part) for part in node]
    if isinstance(node, dict):
        return dict(_plain_entries(node))
    return node


def _plain_entries(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, part in node.items():
        if key == "logicalType":
            continue
        yield key, _plain(part) if key in {"type", "items", "values", "fields"} else part
