"""Strategies for records of flat Avro schemas, and the schemas of the repository."""

import io
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
from hypothesis import strategies as st

from pipeline.codecs.schemas import Schemas

SCHEMAS_DIR = Path(__file__).parents[2] / "schemas" / "avro"
NAMES = tuple(sorted(path.stem for path in SCHEMAS_DIR.glob("*.avsc")))

Record = dict[str, Any]
Schema = dict[str, Any]

EDGES = (0, 1, -1, 63, 64, -64, -65, 8191, 8192, 1 << 20, 1 << 27, 1 << 48, 1 << 55, 1 << 62)

YEARS = (-62_000_000_000_000_000, 253_000_000_000_000_000)
"""Times within the years 1 to 9999, which fastavro turns into datetimes."""


def schema_named(name: str) -> Schema:
    """Return a schema of the repository."""
    return json.loads((SCHEMAS_DIR / f"{name}.avsc").read_text())


def schemas_of(*versions: tuple[int, str, Schema]) -> Schemas:
    """Return a registry of versions (id, name, schema); the last of a name is ours."""
    by_id = {schema_id: schema for schema_id, _, schema in versions}
    ours = {name: schema for _, name, schema in versions}
    ids = {name: schema_id for schema_id, name, _ in versions}
    return Schemas(ours, ids, by_id.get)


def framed(schema: Schema, schema_id: int, record: Record) -> bytes:
    """Return what fastavro alone makes of a record, framed as Confluent does."""
    body = io.BytesIO()
    body.write(struct.pack(">bI", 0, schema_id))
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema), record)
    return body.getvalue()


def texts() -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8"), max_size=20)


def longs(bits: int = 64) -> st.SearchStrategy[int]:
    edges = [edge for edge in EDGES if edge < 1 << (bits - 1)]
    lowest, highest = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return st.sampled_from([*edges, lowest, highest]) | st.integers(lowest, highest)


PRIMITIVES: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
    "string": texts,
    "bytes": lambda: st.binary(max_size=20),
    "int": lambda: longs(32),
    "long": longs,
    "double": lambda: st.floats(allow_nan=False),
    "float": lambda: st.floats(allow_nan=False, width=32),
    "boolean": st.booleans,
}


def values_of(declared: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a type of a flat schema."""
    if isinstance(declared, list):
        return st.one_of(st.none() if part == "null" else values_of(part) for part in declared)
    if isinstance(declared, dict):
        if declared["type"] == "array":
            return st.lists(values_of(declared["items"]), max_size=4)
        if declared.get("logicalType") == "uuid":
            return st.uuids().map(str)
        if declared.get("logicalType") == "timestamp-micros":
            return st.integers(*YEARS)
        return values_of(declared["type"])
    return PRIMITIVES[declared]()


def records_of(schema: Schema) -> st.SearchStrategy[Record]:
    """Return a strategy for records of a flat schema."""
    fields = {field["name"]: values_of(field["type"]) for field in schema["fields"]}
    return st.fixed_dictionaries(fields)


TYPES: tuple[Any, ...] = (
    *PRIMITIVES,
    {"type": "long", "logicalType": "timestamp-micros"},
    {"type": "string", "logicalType": "uuid"},
    {"type": "array", "items": "string"},
    {"type": "array", "items": "long"},
    {"type": "array", "items": "int"},
    {"type": "array", "items": "bytes"},
)


@st.composite
def flat_schemas(draw: st.DrawFn) -> Schema:
    """Draw a flat schema with any mixture of types, nulls first or last in unions."""
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=8))
    orders = st.sampled_from(["plain", "null first", "null last"])
    unions: dict[str, Callable[[Any], Any]] = {
        "plain": lambda kind: kind,
        "null first": lambda kind: ["null", kind],
        "null last": lambda kind: [kind, "null"],
    }
    fields = [
        {"name": f"f{place}", "type": unions[draw(orders)](kind)}
        for place, kind in enumerate(types)
    ]
    return {"type": "record", "name": "Drawn", "fields": fields}
