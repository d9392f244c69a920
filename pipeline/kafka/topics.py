"""Creating topics from the catalogue, and saying where a cluster differs from it."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError, for_code

from pipeline.domain.errors import OurMistake
from pipeline.domain.topics import TOPICS, Topic
from pipeline.kafka.broker_errors import broker_errors
from pipeline.kafka.clients import ADMIN_LIMIT_S, admin_client
from pipeline.kafka.connection import KafkaConnection

MAX_MESSAGE_BYTES: Final = 2 << 20
"""A dead letter or late row holds an original of up to 1 MiB and says where it came from."""


USUAL_REPLICAS: Final = 3
"""What is created where the settings say nothing, on a cluster that has as many brokers."""


class TopicDifference(NamedTuple):
    """One thing that is not as the catalogue wants it; names with prefix."""

    topic: str
    setting: str
    expected: str
    found: str


def wanted_partitions(topic: Topic, partitions: int) -> int:
    """Return how many partitions a topic has where the partitioned ones have ``partitions``."""
    return partitions if topic.partitioned else 1


def wanted_config(topic: Topic) -> dict[str, str]:
    """Return the settings that the catalogue asks of a topic."""
    config = {
        "cleanup.policy": topic.cleanup,
        "max.message.bytes": str(MAX_MESSAGE_BYTES),
    }
    if topic.retention_ms is not None:
        config["retention.ms"] = str(topic.retention_ms)
    return config | dict(topic.config)


async def create_topics(
    connection: KafkaConnection,
    topics: Sequence[Topic] = TOPICS,
    *,
    partitions: int,
    replication: int,
) -> list[str]:
    """Create the topics that are missing and return their names with prefix.

    ``replication`` below 1 means three replicas, or as many as there are brokers.

    Existing ones are left as they are; ``check_topics`` says how they differ.
    Raises Unavailable, OurMistake (the brokers refuse).
    """
    async with admin_client(connection, limit_s=ADMIN_LIMIT_S) as admin:
        existing = await _described(admin)
        missing = [topic for topic in topics if connection.named(topic.name) not in existing]
        if not missing:
            return []
        if replication < 1:
            with broker_errors("Asking for the brokers"):
                brokers = len((await admin.describe_cluster())["brokers"])
            replication = min(USUAL_REPLICAS, brokers)
        wanted = [
            NewTopic(
                connection.named(topic.name),
                wanted_partitions(topic, partitions),
                replication,
                topic_configs=wanted_config(topic),
            )
            for topic in missing
        ]
        with broker_errors("Creating the topics"):
            answer = await admin.create_topics(wanted)
    _raise_refusals(answer.topic_errors)
    return [connection.named(topic.name) for topic in missing]


def _raise_refusals(answers: Iterable[Sequence[Any]]) -> None:
    for name, code, *message in answers:
        # Another process may have created it between our look and our request.
        if code not in {0, TopicAlreadyExistsError.errno}:
            reason = message[0] if message and message[0] else for_code(code).__name__
            raise OurMistake(f"Topic {name} cannot be created: {reason}")


async def check_topics(
    connection: KafkaConnection,
    topics: Sequence[Topic] = TOPICS,
    *,
    partitions: int,
    replication: int | None = None,
) -> list[TopicDifference]:
    """Return every difference between the cluster and the catalogue; none means all is well.

    Raises Unavailable.
    """
    async with admin_client(connection, limit_s=ADMIN_LIMIT_S) as admin:
        existing = await _described(admin)
        present = [topic for topic in topics if connection.named(topic.name) in existing]
        configs = await topic_configs(admin, [connection.named(topic.name) for topic in present])
    differences: list[TopicDifference] = []
    for topic in topics:
        name = connection.named(topic.name)
        if name not in existing:
            differences.append(TopicDifference(name, "topic", "exists", "missing"))
            continue
        wanted = {"partitions": str(wanted_partitions(topic, partitions))} | wanted_config(topic)
        found = configs[name] | {"partitions": str(len(existing[name]))}
        if replication is not None:
            wanted["replication factor"] = str(replication)
            found["replication factor"] = str(len(existing[name][0]["replicas"]))
        differences += _differences(name, wanted, found)
    return differences


async def require_topics(connection: KafkaConnection, names: Iterable[str]) -> dict[str, int]:
    """Return topic → number of partitions. Raises OurMistake if one is missing, Unavailable."""
    async with admin_client(connection, limit_s=ADMIN_LIMIT_S) as admin:
        existing = await _described(admin)
    counts: dict[str, int] = {}
    for name in names:
        if connection.named(name) not in existing:
            raise OurMistake(
                f"Topic {connection.named(name)} does not exist: create the topics first."
            )
        counts[name] = len(existing[connection.named(name)])
    return counts


def _differences(
    name: str, wanted: dict[str, str], found: dict[str, str]
) -> Iterable[TopicDifference]:
    for setting, expected in wanted.items():
        actual = found.get(setting, "unset")
        if _canonical(expected) != _canonical(actual):
            yield TopicDifference(name, setting, expected, actual)


def _canonical(value: str) -> tuple[str, ...]:
    """Return a setting in comparable form: lists come in any order."""
    return tuple(sorted(part.strip() for part in value.split(",")))


async def _described(admin: AIOKafkaAdminClient) -> dict[str, list[dict[str, Any]]]:
    with broker_errors("Listing the topics"):
        return {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}


async def topic_configs(
    admin: AIOKafkaAdminClient, names: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Return the settings of topics, by their names with prefix."""
    if not names:
        return {}
    with broker_errors("Reading the settings of the topics"):
        answers = await admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        )
    configs: dict[str, dict[str, str]] = {}
    for answer in answers:
        for code, message, _kind, name, entries in answer.resources:
            if code:
                raise OurMistake(f"The settings of topic {name} cannot be read: {message}")
            configs[name] = {entry[0]: str(entry[1]) for entry in entries}
    return configs
