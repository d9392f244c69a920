"""Rows as a chunk of one whole record batch, as a fetch gives it."""

import struct
from collections.abc import Mapping
from typing import Any

from pipeline.codecs.one_record import RecordWriter
from pipeline.codecs.raw_batch import RawBatch
from pipeline.codecs.raw_chunk import RawChunk
from pipeline.codecs.schemas import Schemas
from pipeline.domain.topics import Topic
from tests.support.log_batches import HEADER_BYTES, Given, log_batch


def raw_chunk(
    schemas: Schemas, topic: Topic, partition: int, rows: Mapping[int, Mapping[str, Any]]
) -> RawChunk:
    """Return rows by offset, at least one; the chunk ends behind the last."""
    writer = RecordWriter(schemas.named(topic.schema), schemas.id_of(topic.schema))
    first, end = min(rows), max(rows) + 1
    records = [Given(at - first, 0, b"key", writer.write(row), ()) for at, row in rows.items()]
    data = log_batch(first, records, last_delta=end - first - 1)
    (first_ms,) = struct.unpack_from(">q", data, 27)
    batch = RawBatch(first, first_ms, None, len(records), data[HEADER_BYTES:], first, end)
    return RawChunk(topic.name, partition, first, end, [batch])
