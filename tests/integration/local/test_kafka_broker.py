"""The embedded broker is Kafka: topics, records, transactions, groups."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from pipeline.local.errors import LocalStackError
from pipeline.local.jars import fetch_jars
from pipeline.local.kafka_broker import KafkaBroker
from tests.support.stack import Stack

pytestmark = pytest.mark.stack

LIMIT_S = 240
"""Only a test that fails waits as long."""


@pytest.fixture
def topic(stack: Stack, topic_prefix: str) -> Iterator[str]:
    admin = AdminClient({"bootstrap.servers": stack.bootstrap_servers})
    name = f"{topic_prefix}records"
    admin.create_topics([NewTopic(name, 2, 1)])[name].result(timeout=LIMIT_S)
    yield name
    admin.delete_topics([name])[name].result(timeout=LIMIT_S)


def produce(bootstrap: str, topic: str, values: list[str], *, commit: bool = True) -> None:
    producer = Producer(
        {"bootstrap.servers": bootstrap, "transactional.id": uuid.uuid4().hex, "linger.ms": 0}
    )
    producer.init_transactions(LIMIT_S)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, key=value, value=value)
    producer.flush(LIMIT_S)
    if commit:
        producer.commit_transaction(LIMIT_S)
    else:
        producer.abort_transaction(LIMIT_S)


def consume(bootstrap: str, topic: str, count: int) -> list[str]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": uuid.uuid4().hex,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
        }
    )
    consumer.subscribe([topic])
    values: list[str] = []
    while len(values) < count:
        for message in consumer.consume(count, timeout=1):
            value = message.value()
            assert message.error() is None
            assert value is not None
            values.append(value.decode())
    consumer.close()
    return sorted(values)


def test_committed_records_are_consumed_and_aborted_ones_are_not(stack: Stack, topic: str) -> None:
    produce(stack.bootstrap_servers, topic, ["a", "b"], commit=False)
    produce(stack.bootstrap_servers, topic, ["c", "d", "e"])
    assert consume(stack.bootstrap_servers, topic, 3) == ["c", "d", "e"]


def test_a_misspelt_topic_is_not_created(stack: Stack, topic_prefix: str) -> None:
    failures: list[KafkaError | None] = []
    producer = Producer({"bootstrap.servers": stack.bootstrap_servers, "message.timeout.ms": 2000})
    producer.produce(
        f"{topic_prefix}misspelt", "x", on_delivery=lambda error, _record: failures.append(error)
    )
    producer.flush(LIMIT_S)
    assert failures[0] is not None
    assert f"{topic_prefix}misspelt" not in producer.list_topics(timeout=10).topics


def test_records_survive_stop_and_kill(tmp_path: Path) -> None:
    """A broker of its own: one that holds the topics of all tests takes long to recover."""
    with KafkaBroker(tmp_path, fetch_jars) as broker:
        before = broker.bootstrap_servers
        admin = AdminClient({"bootstrap.servers": before})
        admin.create_topics([NewTopic("records", 2, 1)])["records"].result(timeout=LIMIT_S)
        produce(before, "records", ["a"])
        broker.stop()
        broker.start()
        produce(before, "records", ["b"])
        broker.kill()
        broker.start()
        assert broker.bootstrap_servers == before
        assert consume(before, "records", 2) == ["a", "b"]


def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "formatted").touch()
    broker = KafkaBroker(tmp_path, fetch_jars)
    with pytest.raises(
        LocalStackError, match=r"(?s)Kafka failed: it ended with 1.*meta\.properties"
    ):
        broker.start()
    assert not broker.running


def test_a_broker_without_its_classes_says_why(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match=r"(?s)cannot be formatted.*StorageTool"):
        KafkaBroker(tmp_path, list).start()
