"""How long the brokers keep what was published."""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.domain.topics import Topic
from pipeline.kafka.clients import ADMIN_LIMIT_S, admin_client
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.topics import topic_configs


class Aging(NamedTuple):
    """When a record of a topic is gone at the latest, from its publishing (milliseconds).

    Retention deletes whole segments, and a segment is closed after ``segment.ms`` at the latest.
    None: only a later record of the same key replaces it.
    """

    topic: str
    gone_after_ms: int | None


async def aging(connection: KafkaConnection, topics: Sequence[Topic]) -> list[Aging]:
    """Ask the brokers for the retention of topics. Raises Unavailable, OurMistake."""
    async with admin_client(connection, limit_s=ADMIN_LIMIT_S) as admin:
        configs = await topic_configs(admin, [connection.named(topic.name) for topic in topics])
    found = []
    for topic in topics:
        config = configs[connection.named(topic.name)]
        kept = int(config["retention.ms"])
        deletes = "delete" in config["cleanup.policy"] and kept >= 0
        gone = kept + int(config["segment.ms"]) if deletes else None
        found.append(Aging(topic.name, gone))
    return found
