"""The latest value of every key of a compacted topic."""

from aiokafka import TopicPartition

from pipeline.kafka.broker_errors import broker_errors
from pipeline.kafka.clients import reader
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.ranges import fetch_range
from pipeline.kafka.topics import require_topics


async def read_compacted(connection: KafkaConnection, topic: str) -> dict[bytes, bytes]:
    """Return key → latest committed value over all partitions; a null value removes its key.

    A key lives in one partition, so the order between partitions does not matter. Everything
    written before the call counts: what is committed behind somebody else's open transaction is
    not stable yet, so that transaction's end is waited for (its timeout at most, then the broker
    aborts it). An agent that read only what is stable would take an old cursor for its last one.
    Raises Unavailable, OurMistake (the topic does not exist).
    """
    latest: dict[bytes, bytes] = {}
    partitions = (await require_topics(connection, [topic]))[topic]
    async with reader(connection, committed=False) as consumer:
        with broker_errors(f"Reading the ends of {topic}"):
            tps = [TopicPartition(connection.named(topic), each) for each in range(partitions)]
            ends = await consumer.end_offsets(tps)
    async with reader(connection, raw=False) as consumer:
        for tp, end in ends.items():
            async for fetch in fetch_range(consumer, connection, topic, tp.partition, end=end):
                for record in fetch.records:
                    if record.key is None:
                        continue
                    if record.value is None:
                        latest.pop(record.key, None)
                    else:
                        latest[record.key] = record.value
    return latest
