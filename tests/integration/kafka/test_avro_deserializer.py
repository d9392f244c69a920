"""Confluent's own deserializer reads what we write, with schemas from a real registry server."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import polars as pl
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

from pipeline.codecs.avro import ColumnEncoder
from pipeline.codecs.flat_schema import flat_fields
from pipeline.domain.topics import TOPICS, WEB_LOGS, Topic
from pipeline.kafka.registry import ConfluentRegistry, RegistryAccess
from tests.support.avro_examples import example
from tests.support.avro_schemas import DIRECTORY
from tests.support.avro_values import schema_named

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def client(registry_access: RegistryAccess) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": registry_access.url}) as client:
        yield client


@pytest.fixture
def registry(registry_access: RegistryAccess, topic_prefix: str) -> ConfluentRegistry:
    return ConfluentRegistry(registry_access, DIRECTORY, named=lambda name: f"{topic_prefix}{name}")


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_the_example_of_every_topic_is_read_under_its_subjects_id(
    registry: ConfluentRegistry, client: SchemaRegistryClient, topic_prefix: str, topic: Topic
) -> None:
    name = f"{topic_prefix}{topic.name}"
    value = written(topic, registry.schemas(register=True).id_of(topic.schema))
    subjects = client.get_latest_version(f"{name}-value")
    assert value[:5] == b"\0" + subjects.schema_id.to_bytes(4, "big")
    read = AvroDeserializer(client)(value, SerializationContext(name, MessageField.VALUE))
    assert read == as_avro_readers_see(topic.schema)


def test_a_record_under_an_id_the_server_does_not_have_is_not_read(
    client: SchemaRegistryClient,
) -> None:
    value = written(WEB_LOGS, 2**31 - 1)
    with pytest.raises(SchemaRegistryError, match="2147483647"):
        AvroDeserializer(client)(value, SerializationContext(WEB_LOGS.name, MessageField.VALUE))


def written(topic: Topic, schema_id: int) -> bytes:
    """Return the example of a topic as the pipeline writes it."""
    schema = schema_named(topic.schema)
    columns = {field.name: field.dtype for field in flat_fields(schema)}
    frame = pl.DataFrame([example(topic.schema)], schema=columns)
    value: bytes = ColumnEncoder(schema, schema_id).encode(frame)[0].as_py()
    return value


def as_avro_readers_see(name: str) -> dict[str, Any]:
    """Return an example with times and UUIDs as Avro's logical types mean them."""
    record = example(name)
    for field in schema_named(name)["fields"]:
        declared = field["type"][1] if isinstance(field["type"], list) else field["type"]
        logical = declared.get("logicalType") if isinstance(declared, dict) else None
        value = record[field["name"]]
        if value is not None and logical == "timestamp-micros":
            record[field["name"]] = EPOCH + timedelta(microseconds=value)
        elif value is not None and logical == "uuid":
            record[field["name"]] = UUID(value)
    return record
