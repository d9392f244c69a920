"""Topics are made from the catalogue, and differences are told."""

import dataclasses

import pytest

from pipeline.domain.errors import OurMistake
from pipeline.domain.topics import SESSIONS, TOPICS
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.topics import TopicDifference, check_topics, create_topics, require_topics
from tests.support.waiting import until

pytestmark = pytest.mark.stack


async def test_what_was_created_differs_in_nothing(connection: KafkaConnection) -> None:
    missing = await check_topics(connection, partitions=3)
    assert [(each.setting, each.found) for each in missing] == [("topic", "missing")] * len(TOPICS)
    created = await create_topics(connection, partitions=3, replication=1)
    assert created == [connection.named(topic.name) for topic in TOPICS]

    async def nothing_differs() -> bool:
        return await check_topics(connection, partitions=3, replication=1) == []

    await until(nothing_differs)
    assert await create_topics(connection, partitions=3, replication=1) == []
    counts = await require_topics(connection, [topic.name for topic in TOPICS])
    assert counts == {topic.name: 3 if topic.partitioned else 1 for topic in TOPICS}


async def test_every_difference_is_told_with_both_values(connection: KafkaConnection) -> None:
    other = dataclasses.replace(SESSIONS, cleanup="delete", retention_ms=1000, config=())
    await create_topics(connection, [other], partitions=2, replication=1)

    async def there() -> bool:
        return all(each.setting != "topic" for each in await check())

    async def check() -> list[TopicDifference]:
        return await check_topics(connection, [SESSIONS], partitions=4)

    await until(there)
    name = connection.named(SESSIONS.name)
    assert set(await check()) == {
        TopicDifference(name, "partitions", "4", "2"),
        TopicDifference(name, "cleanup.policy", "compact,delete", "delete"),
        TopicDifference(name, "retention.ms", str(SESSIONS.retention_ms), "1000"),
        TopicDifference(name, "segment.ms", "600000", "604800000"),
        TopicDifference(name, "min.cleanable.dirty.ratio", "0.1", "0.5"),
    }


async def test_a_missing_topic_and_a_refused_one_are_mistakes(connection: KafkaConnection) -> None:
    with pytest.raises(OurMistake, match="create the topics first"):
        await require_topics(connection, [SESSIONS.name])
    with pytest.raises(OurMistake, match="cannot be created"):
        await create_topics(connection, [SESSIONS], partitions=2, replication=7)
