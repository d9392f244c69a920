"""Versions of a schema must read each other's records."""

import io
from copy import deepcopy
from typing import Any

import fastavro
import pytest

from pipeline.codecs.compatibility import differences
from tests.support.avro_values import NAMES, SCHEMAS_DIR, Schema, schema_named

RELEASED = sorted((SCHEMAS_DIR / "released").glob("*/*.avsc"))
BASE: Schema = {
    "type": "record",
    "name": "R",
    "namespace": "n",
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "note", "type": ["null", "string"], "default": None},
        {"name": "list", "type": {"type": "array", "items": "long"}},
    ],
}


def with_field(name: str, declared: Any, **more: Any) -> Schema:
    """Return the base schema with a field added or replaced."""
    rest = [field for field in BASE["fields"] if field["name"] != name]
    return {**BASE, "fields": [*rest, {"name": name, "type": declared, **more}]}


def without(name: str) -> Schema:
    return {**BASE, "fields": [field for field in BASE["fields"] if field["name"] != name]}


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_present_schemas_are_compatible_with_every_released_version(path: Any) -> None:
    assert path.stem in NAMES
    assert (
        differences(
            schema_named(f"released/{path.parent.name}/{path.stem}"), schema_named(path.stem)
        )
        == []
    )


@pytest.mark.parametrize(
    "present",
    [
        BASE,
        with_field("new", ["null", "long"], default=None),
        with_field("new", "string", default=""),
        without("note"),
        {**BASE, "fields": BASE["fields"][::-1]},
        {**BASE, "doc": "other words"},
        with_field("at", "long"),
    ],
)
def test_what_both_sides_can_read_is_no_difference(present: Schema) -> None:
    assert differences(BASE, present) == []
    assert differences(present, BASE) == []


@pytest.mark.parametrize(
    ("present", "said"),
    [
        (with_field("new", "long"), "present schema cannot read .* 'new' is missing"),
        (without("id"), "released schema cannot read .* 'id' is missing"),
        (with_field("at", "int"), "present schema cannot read .* 'at' is long and is read as int"),
        (with_field("at", "double"), "released schema cannot .* 'at' is double"),
        (with_field("id", "long"), "'id' is string and is read as long"),
        (with_field("list", "long"), "'list' is array of long and is read as long"),
        (with_field("id", ["null", "string"], default=None), "released schema .* may be null"),
        (with_field("note", "string", default=""), "present schema .* may be null"),
        (with_field("note", ["null", "long", "string"]), "union"),
        (with_field("note", {"type": "map", "values": "long"}), "columns do not hold"),
        ({**BASE, "name": "S"}, "named n.R and is named n.S"),
    ],
)
def test_what_one_side_cannot_read_is_said(present: Schema, said: str) -> None:
    assert any(_matches(said, problem) for problem in differences(BASE, present))


def _matches(pattern: str, text: str) -> bool:
    at = 0
    for part in pattern.split(" .* "):
        at = text.find(part, at)
        if at < 0:
            return False
    return True


def test_fastavro_reads_what_is_called_compatible_both_ways() -> None:
    wider = deepcopy(with_field("new", "string", default="x"))
    row = {"id": "a", "at": 5, "note": None, "list": [1]}
    for writer, reader in ((BASE, wider), (wider, BASE)):
        assert differences(writer, reader) == []
        body = io.BytesIO()
        fastavro.schemaless_writer(body, fastavro.parse_schema(writer), {**row, "new": "y"})
        body.seek(0)
        read = fastavro.schemaless_reader(
            body, fastavro.parse_schema(writer), fastavro.parse_schema(reader)
        )
        assert read["id"] == "a"
