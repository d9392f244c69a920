"""Short-lived clients: an admin client and a reader outside any group."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from pipeline.kafka.broker_errors import broker_errors
from pipeline.kafka.connection import KafkaConnection

FETCH_BYTES: Final = 4 << 20
"""Per partition and fetch; above the largest batch that our topics take."""


@asynccontextmanager
async def admin_client(connection: KafkaConnection) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open an admin client. Raises Unavailable, OurMistake."""
    admin = AIOKafkaAdminClient(**connection.client_arguments())
    try:
        with broker_errors("Connecting to Kafka"):
            await admin.start()
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def reader(
    connection: KafkaConnection, *, committed: bool = True
) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer without group that is assigned by hand; by default read_committed."""
    consumer = AIOKafkaConsumer(
        **connection.client_arguments(),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed" if committed else "read_uncommitted",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_wait_ms=100,
    )
    try:
        with broker_errors("Connecting to Kafka"):
            await consumer.start()
        yield consumer
    finally:
        await consumer.stop()
