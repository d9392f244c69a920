"""Rows that are columns already, as a chunk: what a database gives back instead of a topic."""

from collections.abc import Sequence

import polars as pl

from pipeline.codecs.chunk import OFFSET, TIMESTAMP_MS, Decoded, Record
from pipeline.codecs.schemas import Schemas


class RowChunk:
    """Rows of one input topic: its columns, ``_offset`` and ``_timestamp_ms``.

    The offsets are those the rows once had, in any order: rows of all partitions may share a
    chunk. The original bytes are gone, so its records have no value.
    """

    def __init__(self, topic: str, rows: pl.DataFrame) -> None:
        self.topic = topic
        self.partition = 0
        self.fetch_offset = 0
        self.next_offset = 0
        self._rows = rows

    @property
    def size(self) -> int:
        """Bytes of the columns."""
        return int(self._rows.estimated_size())

    def __len__(self) -> int:
        return self._rows.height

    def since(self, offset: int) -> "RowChunk":
        """Return the chunk: it has no position."""
        del offset
        return self

    def decode(self, schemas: Schemas, schema: str, columns: Sequence[str]) -> Decoded:
        """Return the asked columns; there is nothing bad and no mark."""
        del schemas, schema
        return Decoded(self._rows.select(*columns, OFFSET, TIMESTAMP_MS).rechunk(), [], [])

    def record(self, offset: int) -> Record:
        """Return a record without its bytes."""
        return Record(offset, 0, None, None, ())
