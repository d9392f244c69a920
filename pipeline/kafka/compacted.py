"""The latest value of every key of a compacted topic."""

from pipeline.kafka.clients import reader
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.ranges import fetch_range
from pipeline.kafka.topics import require_topics


async def read_compacted(connection: KafkaConnection, topic: str) -> dict[bytes, bytes]:
    """Return key → latest committed value over all partitions; a null value removes its key.

    A key lives in one partition, so the order between partitions does not matter.
    Raises Unavailable, OurMistake (the topic does not exist).
    """
    latest: dict[bytes, bytes] = {}
    partitions = (await require_topics(connection, [topic]))[topic]
    async with reader(connection, raw=False) as consumer:
        for partition in range(partitions):
            async for fetch in fetch_range(consumer, connection, topic, partition):
                for record in fetch.records:
                    if record.key is None:
                        continue
                    if record.value is None:
                        latest.pop(record.key, None)
                    else:
                        latest[record.key] = record.value
    return latest
