"""Frames → blocks of encoded records, each on the partition of its keys."""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.codecs.column_encoder import ColumnEncoder
from pipeline.codecs.completeness import Hour, completeness, repeated
from pipeline.codecs.course_audit import course_audit_key
from pipeline.codecs.keys import binary_values, join_key
from pipeline.codecs.live_event_rows import live_event_key
from pipeline.codecs.marks import Mark, mark_headers
from pipeline.codecs.open_values import closed, is_open
from pipeline.codecs.partitioner import partition_of
from pipeline.codecs.protection import Protection
from pipeline.codecs.schemas import Schemas
from pipeline.codecs.web_log_rows import web_log_key
from pipeline.domain.topics import (
    COMPLETENESS,
    COURSE_AUDIT,
    DEAD_LETTER_ACTIONS,
    DEAD_LETTERS,
    ERASURES,
    INGEST_CURSORS,
    LIVE_EVENTS,
    WEB_LOGS,
)
from pipeline.domain.topics import Topic as CatalogueTopic
from pipeline.engine.stage import Block, MarkBlock
from pipeline.ingest.publisher import Publisher

KEYS: Final = {
    WEB_LOGS.name: web_log_key(),
    LIVE_EVENTS.name: live_event_key(),
    COURSE_AUDIT.name: course_audit_key(),
    ERASURES.name: join_key("kind", "subject"),
    DEAD_LETTERS.name: pl.col("source"),
    DEAD_LETTER_ACTIONS.name: pl.col("letter"),
    COMPLETENESS.name: join_key("feed", "start"),
    INGEST_CURSORS.name: join_key("agent", "subject"),
}


class BlockEncoder:
    """Encodes frames for the topics that agents write, protected before their keys are taken."""

    def __init__(
        self, schemas: Schemas, publisher: Publisher, protection: Protection | None = None
    ) -> None:
        self._publisher = publisher
        self._protection = protection or Protection()
        self._encoders = {
            topic.schema: ColumnEncoder(schemas.named(topic.schema), schemas.id_of(topic.schema))
            for topic in (
                WEB_LOGS,
                LIVE_EVENTS,
                COURSE_AUDIT,
                ERASURES,
                DEAD_LETTERS,
                DEAD_LETTER_ACTIONS,
                COMPLETENESS,
                INGEST_CURSORS,
            )
        }

    def blocks(self, topic: CatalogueTopic, frame: pl.DataFrame) -> Iterator[Block]:
        """Give one block per partition that has rows; rows of one key keep their order.

        Rows are columns of the topic's schema, or open values that were protected before.
        After records of a feed comes a block that counts them by hour, for the same transaction.
        """
        if frame.is_empty():
            return
        yield from self._encoded(topic, frame)
        counts = completeness(topic.name, frame)
        if counts is not None:
            yield from self._encoded(COMPLETENESS, counts)

    def repeated(self, rows: Mapping[Hour, int], now: int) -> Iterator[Block]:
        """Give a block that counts what was read and dropped, because it was given before."""
        if rows:
            yield from self._encoded(COMPLETENESS, repeated(rows, now))

    def _encoded(self, topic: CatalogueTopic, frame: pl.DataFrame) -> Iterator[Block]:
        keys, values = closed(frame) if is_open(frame) else self._values(topic, frame)
        places = partition_of(keys, self._publisher.partitions(topic.name))
        order = np.argsort(places, kind="stable")
        keys, values = keys.take(order), values.take(order)
        partitions, counts = np.unique(places, return_counts=True)
        start = 0
        for partition, count in zip(partitions.tolist(), counts.tolist(), strict=True):
            yield Block(topic.name, partition, keys.slice(start, count), values.slice(start, count))
            start += count

    def _values(
        self, topic: CatalogueTopic, frame: pl.DataFrame
    ) -> tuple[pa.BinaryArray, pa.BinaryArray]:
        frame = self._protection.applied(frame)
        values = self._encoders[topic.schema].encode(frame)
        return binary_values(frame.select(key=KEYS[topic.name]).to_series()), values

    def marks(self, topic: CatalogueTopic, mark: Mark) -> Iterator[MarkBlock]:
        """Give the mark once for every partition of a topic."""
        for partition in range(self._publisher.partitions(topic.name)):
            yield MarkBlock(topic.name, partition, mark_headers(mark))
