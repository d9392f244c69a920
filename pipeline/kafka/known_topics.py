"""Makes a consumer learn the topics that brokers did not tell it of: a private hook of aiokafka."""

from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import UnknownTopicOrPartitionError

HOOKS: Final = {
    "aiokafka:AIOKafkaConsumer": ("_client",),
    "aiokafka.client:AIOKafkaClient": ("force_metadata_update",),
}
"""Class → attributes; held against the installed version by a contract test."""


async def learn_topics(consumer: AIOKafkaConsumer) -> None:
    """Ask for subscribed topics that the client does not know; what it learns is dealt out anew.

    By itself it asks again after five minutes: a group whose leader got no answer from brokers that
    had just started would stand still for so long. Raises UnknownTopicOrPartitionError.
    """
    if _unknown(consumer):
        await consumer._client.force_metadata_update()  # noqa: SLF001
        if unknown := _unknown(consumer):
            raise UnknownTopicOrPartitionError(f"The brokers do not tell of {', '.join(unknown)}.")


def _unknown(consumer: AIOKafkaConsumer) -> list[str]:
    topics = consumer.subscription()
    return sorted(topic for topic in topics if not consumer.partitions_for_topic(topic))
