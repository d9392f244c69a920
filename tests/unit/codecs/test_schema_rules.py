"""The rules for our Avro schemas, so that every reader can take them, and their examples."""

import io
import re

import fastavro
import pytest

from pipeline.codecs.avro import decode_one, encode_one
from pipeline.codecs.flat_schema import flat_fields, plain
from pipeline.domain.topics import TOPICS
from tests.support.avro_examples import EXAMPLES, example
from tests.support.avro_values import NAMES, schema_named, schemas_of

PERSONAL = "Personal data."
TIMES = re.compile(r"(_at|^timestamp|^minute|^start|^end|_time|^until|^watermark|^window_\w+)$")


def test_every_topic_has_a_schema_and_every_schema_a_topic() -> None:
    assert {topic.schema for topic in TOPICS} == set(NAMES)


def test_every_schema_has_an_example_and_every_example_a_schema() -> None:
    assert {path.stem for path in EXAMPLES.iterdir()} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_examples_say_every_field_and_round_trip(name: str) -> None:
    schema = schema_named(name)
    record = example(name)
    assert list(record) == [field["name"] for field in schema["fields"]]
    assert fastavro.validate(record, fastavro.parse_schema(plain(schema)), strict=True)
    value = encode_one(schema, 7, record)
    assert decode_one(schemas_of((7, name, schema)), value) == record
    file = io.BytesIO()
    fastavro.writer(file, fastavro.parse_schema(plain(schema)), [record])
    file.seek(0)
    assert list(fastavro.reader(file)) == [record]


@pytest.mark.parametrize("name", NAMES)
def test_records_are_flat_and_named(name: str) -> None:
    """Flat means: no maps, no enums, no unions but of null and one type, arrays of primitives."""
    schema = schema_named(name)
    assert schema["doc"]
    assert schema["namespace"] == "canvas.telemetry"
    assert schema["name"] == "".join(part.title() for part in name.split("_"))
    for field in flat_fields(schema):
        if field.nullable:
            assert (field.null_branch, field.has_default, field.default) == (0, True, None)
        assert not field.array or field.kind in {"string", "long"}


@pytest.mark.parametrize("name", NAMES)
def test_every_field_has_a_doc_and_personal_data_says_so(name: str) -> None:
    for field in schema_named(name)["fields"]:
        assert field["doc"].strip(), field["name"]
        assert field["doc"].startswith(PERSONAL) == field.get("personal", False), field["name"]


@pytest.mark.parametrize("name", NAMES)
def test_times_are_microseconds_and_say_so(name: str) -> None:
    for field in schema_named(name)["fields"]:
        declared = field["type"][1] if isinstance(field["type"], list) else field["type"]
        logical = declared.get("logicalType") if isinstance(declared, dict) else None
        assert logical in {None, "timestamp-micros", "uuid"}, field["name"]
        if TIMES.search(field["name"]):
            assert logical == "timestamp-micros", field["name"]
