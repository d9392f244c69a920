"""Confluent's own deserializer reads what we write, with schemas from a real registry server."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import polars as pl
import pyarrow as pa
import pytest
from confluent_kafka import DeserializingConsumer, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from pipeline.codecs.avro import ColumnEncoder, decode_one
from pipeline.codecs.flat_schema import flat_fields
from pipeline.domain.topics import TOPICS, WEB_LOGS, Topic
from pipeline.engine.stage import Block
from pipeline.kafka.compacted import read_compacted
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.kafka.registry import ConfluentRegistry, RegistryAccess
from pipeline.kafka.topics import create_topics
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


@pytest.mark.stack
async def test_a_record_of_every_topic_goes_through_a_broker_to_confluents_consumer(
    registry: ConfluentRegistry, client: SchemaRegistryClient, connection: KafkaConnection
) -> None:
    known = registry.schemas(register=True)
    await create_topics(connection, TOPICS, partitions=1, replication=1)
    publisher = TransactionalPublisher(connection, "examples")
    await publisher.start()
    try:
        await publisher.publish(
            [
                Block(
                    topic.name,
                    0,
                    pa.array([topic.name.encode()], pa.binary()),
                    pa.array([written(topic, known.id_of(topic.schema))], pa.binary()),
                )
                for topic in TOPICS
            ]
        )
    finally:
        await publisher.stop()
    read = await asyncio.to_thread(consumed, connection, client)
    assert read == {topic.name: as_avro_readers_see(topic.schema) for topic in TOPICS}


@pytest.mark.stack
async def test_a_record_of_every_topic_that_confluents_producer_wrote_is_read_by_us(
    registry: ConfluentRegistry, client: SchemaRegistryClient, connection: KafkaConnection
) -> None:
    known = registry.schemas(register=True)
    await create_topics(connection, TOPICS, partitions=1, replication=1)
    await asyncio.to_thread(produced, connection, client)
    for topic in TOPICS:
        (value,) = [value for _, value in await values_of(connection, topic)]
        assert decode_one(known, value) == example(topic.schema), topic.name


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


def consumed(connection: KafkaConnection, client: SchemaRegistryClient) -> dict[str, Any]:
    """Return what Confluent's consumer reads of each topic, by the catalogue's names."""
    names = {connection.named(topic.name): topic.name for topic in TOPICS}
    consumer = DeserializingConsumer(
        {
            "bootstrap.servers": connection.bootstrap,
            "group.id": connection.named("foreign"),
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "value.deserializer": AvroDeserializer(client),
        }
    )
    consumer.assign([TopicPartition(name, 0, 0) for name in names])
    read: dict[str, Any] = {}
    while len(read) < len(names):
        message = consumer.poll(120)
        assert message is not None, f"nothing came but {sorted(read)}"
        read[names[message.topic()]] = message.value()
    consumer.close()
    return read


def produced(connection: KafkaConnection, client: SchemaRegistryClient) -> None:
    """Write every example with Confluent's producer, under the schemas that are registered."""
    producer = Producer(
        {"bootstrap.servers": connection.bootstrap, "partitioner": "murmur2_random"}
    )
    settings = {"auto.register.schemas": False, "use.latest.version": True}
    for topic in TOPICS:
        name = connection.named(topic.name)
        serializer = AvroSerializer(client, conf=settings)
        value = as_avro_readers_see(topic.schema)
        context = SerializationContext(name, MessageField.VALUE)
        producer.produce(name, key=topic.name, value=serializer(value, context))
    assert producer.flush(60) == 0


async def values_of(connection: KafkaConnection, topic: Topic) -> list[tuple[bytes, bytes]]:
    """Return keys and values of a topic that is no longer than a key's last record."""
    return list((await read_compacted(connection, topic.name)).items())


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
