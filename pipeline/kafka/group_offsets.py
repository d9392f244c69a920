"""The committed offsets of a group, asked until its coordinator answers."""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import OffsetAndMetadata
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential_jitter,
)

from pipeline.domain.errors import Unavailable
from pipeline.kafka.broker_errors import broker_errors

COORDINATOR_LIMIT_S: Final = 15.0
"""A new cluster makes its offsets topic on the first question, and answers a second later."""


async def group_offsets(
    admin: AIOKafkaAdminClient, group: str, partitions: Sequence[TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Return offset and metadata of every partition; offset -1 where none is committed.

    Names are with prefix. Raises Unavailable, OurMistake.
    """
    if not partitions:
        return {}
    offsets: dict[TopicPartition, OffsetAndMetadata] = {}
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(Unavailable),
        stop=stop_after_delay(COORDINATOR_LIMIT_S),
        wait=wait_exponential_jitter(multiplier=0.1, max=1.0),
        reraise=True,
    ):
        with attempt, broker_errors(f"Reading the offsets of {group}"):
            async with asyncio.timeout(COORDINATOR_LIMIT_S):
                offsets = await admin.list_consumer_group_offsets(
                    group, partitions=list(partitions)
                )
            # aiokafka passes over an error of the whole answer: then it names no partition.
            if any(tp not in offsets for tp in partitions):
                raise Unavailable(f"The coordinator of {group} does not know its offsets yet.")
    return offsets
