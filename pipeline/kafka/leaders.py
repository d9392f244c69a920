"""Waits until every partition has a leader, as far as the brokers tell.

A broker that was killed, alone, and starts again takes requests for its transactions a moment
before its other partitions have a leader again. A fence in that moment aborts the transaction that
was open, and the coordinator of Kafka 4.3 and 4.4 takes partitions without a leader for deleted: it
calls the transaction complete and writes no marker, so that their readers stand still for ever
(docs/reliability.md).
"""

import asyncio
import time
from collections.abc import Collection
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient

from pipeline.domain.topics import TOPICS
from pipeline.kafka.broker_errors import broker_errors
from pipeline.kafka.clients import ADMIN_LIMIT_S, admin_client
from pipeline.kafka.connection import KafkaConnection

LIMIT_S: Final = 10.0
"""So long it is waited at most: a partition whose brokers are all away stops nobody else."""

_PAUSE_S: Final = 0.05

Described = list[dict[str, Any]]
"""What ``AIOKafkaAdminClient.describe_topics`` gives: topics with their partitions."""


async def leaders_known(connection: KafkaConnection, *, limit_s: float = LIMIT_S) -> Described:
    """Return all topics once each partition of the catalogue's has a leader, or after ``limit_s``.

    Other topics of a shared cluster are not waited for. Raises Unavailable, OurMistake.
    """
    ours = {connection.named(topic.name) for topic in TOPICS}
    async with admin_client(connection, limit_s=ADMIN_LIMIT_S) as admin:
        with broker_errors("Listing the topics"):
            return await _led(admin, ours, time.monotonic() + limit_s)


async def _led(admin: AIOKafkaAdminClient, ours: Collection[str], deadline: float) -> Described:
    while True:
        topics: Described = await admin.describe_topics()
        led = all(is_led(topic) for topic in topics if topic["topic"] in ours)
        if led or time.monotonic() > deadline:
            return topics
        await asyncio.sleep(_PAUSE_S)


def is_led(topic: dict[str, Any]) -> bool:
    """Return whether every partition of a described topic has a leader."""
    return bool(topic["partitions"]) and all(each["leader"] >= 0 for each in topic["partitions"])
