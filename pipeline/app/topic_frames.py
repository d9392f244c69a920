"""A whole topic as one frame: for counting and comparing, not for processing."""

from collections.abc import Sequence

import polars as pl

from pipeline.app.settings import Settings
from pipeline.codecs.flat_schema import dtypes
from pipeline.codecs.schemas import Schemas
from pipeline.domain.errors import OurMistake
from pipeline.domain.topics import Topic
from pipeline.kafka.clients import reader
from pipeline.kafka.ranges import read_range
from pipeline.kafka.topics import require_topics


async def topic_frame(
    settings: Settings, schemas: Schemas, topic: Topic, columns: Sequence[str]
) -> pl.DataFrame:
    """Return the asked columns, and ``_offset``, of all committed records of a topic.

    Raises OurMistake if a record cannot be decoded or the topic does not exist, Unavailable.
    """
    connection = settings.kafka()
    types = dtypes(schemas.named(topic.schema))
    empty = {**{name: types[name] for name in columns}, "_offset": pl.Int64()}
    frames = [pl.DataFrame(schema=empty)]
    partitions = (await require_topics(connection, [topic.name]))[topic.name]
    async with reader(connection) as consumer:
        for partition in range(partitions):
            async for chunk in read_range(consumer, connection, topic.name, partition):
                decoded = chunk.decode(schemas, topic.schema, columns)
                if decoded.bad:
                    raise OurMistake(f"{topic.name} holds a record that cannot be decoded")
                frames.append(decoded.frame.select(empty.keys()))
    return pl.concat(frames)
