"""Frames → blocks: the values of a topic's schema and the keys of its catalogue entry."""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl
import pyarrow as pa

from pipeline.aggregate import delta_records
from pipeline.codecs.avro import ColumnEncoder
from pipeline.codecs.cloud_events import SITE, anomaly_headers
from pipeline.codecs.keys import binary_values, join_key, joined_keys
from pipeline.codecs.laid_encoder import LaidEncoder
from pipeline.codecs.schemas import Schemas
from pipeline.domain.laid_out import Records
from pipeline.domain.topics import (
    ANOMALIES,
    COMPLETENESS,
    DEAD_LETTERS,
    DETECTOR_STATE,
    LATE,
    REQUEST_DELTAS,
    REQUEST_STATS,
    SESSIONS,
    Topic,
)
from pipeline.engine.stage import Block
from pipeline.sessionize import record

KEY_COLUMNS: Final = {
    SESSIONS: ("session_id", "start"),
    REQUEST_DELTAS: ("feed", "minute", "dimension", "key"),
    REQUEST_STATS: ("feed", "minute", "dimension", "key"),
    ANOMALIES: ("fingerprint", "episode"),
    DETECTOR_STATE: ("detector", "key"),
    LATE: ("event_key",),
    DEAD_LETTERS: ("source",),
    COMPLETENESS: ("feed", "start"),
}
"""What each topic's record key is joined from, with ``|`` (semantics rule 4)."""

_LAYOUTS: Final = {SESSIONS: record.LAYOUT, REQUEST_DELTAS: delta_records.LAYOUT}
"""Topics whose records are made of what lies in a task's memory."""


class BlockMaker:
    """Encodes frames for the topics that stages write; ``site`` names the installation."""

    def __init__(self, schemas: Schemas, site: str = SITE) -> None:
        self._site = site
        self._encoders = {
            topic.name: ColumnEncoder(schemas.named(topic.schema), schemas.id_of(topic.schema))
            for topic in KEY_COLUMNS
        }
        self._laid = {
            topic.name: LaidEncoder(
                schemas.named(topic.schema), schemas.id_of(topic.schema), layout, KEY_COLUMNS[topic]
            )
            for topic, layout in _LAYOUTS.items()
        }

    def records(self, topic: Topic, partition: int, records: Records) -> Block:
        """Return records that lie as the topic's are laid out."""
        return Block(topic.name, partition, *self._laid[topic.name].encode(records))

    def columns(self, topic: Topic, partition: int, columns: Mapping[str, Any]) -> Block:
        """Return columns (``encodable.Column``) as records of a topic; keys without nulls."""
        keys = joined_keys([columns[name] for name in KEY_COLUMNS[topic]])
        return Block(topic.name, partition, keys, self._encoders[topic.name].encode(columns))

    def block(self, topic: Topic, partition: int, frame: pl.DataFrame) -> Block:
        """Return the frame's rows as records of the topic."""
        return Block(
            topic.name,
            partition,
            _keys(topic, frame),
            self._encoders[topic.name].encode(frame),
            anomaly_headers(frame, self._site) if topic is ANOMALIES else None,
        )

    def tombstones(self, topic: Topic, partition: int, frame: pl.DataFrame) -> Block:
        """Return records without values, after which a compacted topic forgets the rows' keys."""
        values = pa.nulls(frame.height, pa.binary())
        return Block(topic.name, partition, _keys(topic, frame), values)


def _keys(topic: Topic, frame: pl.DataFrame) -> pa.BinaryArray:
    return binary_values(frame.select(join_key(*KEY_COLUMNS[topic]).alias("key"))["key"])
