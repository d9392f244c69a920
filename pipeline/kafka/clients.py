"""Short-lived clients: an admin client and a reader outside any group."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from pipeline.domain.errors import Unavailable
from pipeline.kafka.broker_errors import broker_errors
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.raw_fetch import RawFetch

FETCH_BYTES: Final = 4 << 20
"""Per partition and fetch; above the largest batch that our topics take."""

START_LIMIT_S: Final = 30.0
ASK_LIMIT_S: Final = 30.0
"""One question, retries of the library included; a single request has REQUEST_TIMEOUT_MS."""

ADMIN_LIMIT_S: Final = 60.0
"""A few questions in a row."""

STOP_LIMIT_S: Final = 10.0


@asynccontextmanager
async def admin_client(
    connection: KafkaConnection, *, limit_s: float | None = None
) -> AsyncIterator[AIOKafkaAdminClient]:
    """Open an admin client for at most ``limit_s``. Raises Unavailable, OurMistake."""
    admin = AIOKafkaAdminClient(**connection.client_arguments())
    try:
        with broker_errors("Connecting to Kafka"):
            async with asyncio.timeout(START_LIMIT_S):
                await admin.start()
        try:
            async with asyncio.timeout(limit_s):
                yield admin
        except TimeoutError as error:
            raise Unavailable(f"Kafka did not answer within {limit_s} s.") from error
    finally:
        await _stopped(admin.close())


@asynccontextmanager
async def reader(
    connection: KafkaConnection, *, committed: bool = True, raw: bool = True
) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer without group that is assigned by hand; by default read_committed.

    Its ``getmany`` gives whole batches for ``read_range``; with ``raw`` False, records.
    """
    consumer = AIOKafkaConsumer(
        **connection.client_arguments(),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed" if committed else "read_uncommitted",
        max_partition_fetch_bytes=FETCH_BYTES,
        fetch_max_wait_ms=100,
        key_deserializer=RawFetch() if raw else None,
    )
    try:
        with broker_errors("Connecting to Kafka"):
            async with asyncio.timeout(START_LIMIT_S):
                await consumer.start()
        yield consumer
    finally:
        await _stopped(consumer.stop())


async def _stopped(stop: Coroutine[Any, Any, None]) -> None:
    """Let a client stop for at most STOP_LIMIT_S, whatever becomes of it.

    As a task of its own: a fetcher that is stopped in a pause after an error raises its own
    CancelledError, which would look as if the caller were cancelled, and one that is cancelled
    while it stops goes on stopping.
    """
    task = asyncio.create_task(stop)
    await asyncio.wait([task], timeout=STOP_LIMIT_S)
    if not task.done():
        task.cancel()
    elif not task.cancelled():
        task.exception()  # it is given up in any case; its owner has the reason
