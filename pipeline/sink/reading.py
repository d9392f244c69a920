"""From a chunk to rows of tables."""

from typing import Any, NamedTuple

import polars as pl

from pipeline.codecs.chunk import Chunk
from pipeline.codecs.schemas import Schemas
from pipeline.domain.bad_record import BadRecord
from pipeline.domain.topics import Topic
from pipeline.sink.columns import OFFSET, TIMESTAMP_MS, Columns
from pipeline.sink.tables import TABLES
from pipeline.sink.tables.dead_letters import DEAD_LETTERS, dead_letter


class Portion(NamedTuple):
    """What a chunk gave: rows per table name, and how many of its records were no rows.

    ``newest_ms`` is the largest record time of the rows (milliseconds since the epoch), if any.
    """

    frames: dict[str, pl.DataFrame]
    marks: int
    bad: int
    newest_ms: int | None


class Reader:
    """Decodes chunks of any of the stage's topics; pure, so it may run in a thread."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._tables = {table.topic.name: table for table in TABLES}
        self._columns = {
            table.name: Columns(table, schemas.named(table.topic.schema)) for table in TABLES
        }

    def columns(self, table: str) -> Columns:
        """Return the columns of a table by its name."""
        return self._columns[table]

    def read(self, chunk: Chunk) -> Portion:
        """Return the chunk's rows; a record that cannot be one becomes a dead letter."""
        table = self._tables[chunk.topic]
        columns = self._columns[table.name]
        decoded = chunk.decode(self._schemas, table.topic.schema, columns.names)
        good, misnamed = columns.split(decoded.frame)
        bad = [*decoded.bad, *((at, _no_uuid(chunk, at)) for at in misnamed[OFFSET].to_list())]
        frames: dict[str, pl.DataFrame] = {}
        newest: int | None = None
        if not good.is_empty():
            frames[table.name] = columns.placed(good, chunk.partition)
            newest = int(good[TIMESTAMP_MS].to_numpy().max())
        if bad:
            dead = self._columns[DEAD_LETTERS.name].rows(_dead_letters(chunk, table.topic, bad))
            known = frames.get(DEAD_LETTERS.name)
            frames[DEAD_LETTERS.name] = dead if known is None else pl.concat([known, dead])
        return Portion(frames, len(decoded.marks), len(bad), newest)


def _no_uuid(chunk: Chunk, offset: int) -> BadRecord:
    return BadRecord(
        location=f"{chunk.topic}/{chunk.partition}/{offset}",
        reason="value",
        detail="the record's identity is no UUID",
        error_class="ValueError",
        payload=chunk.record(offset).value or b"",
    )


def _dead_letters(
    chunk: Chunk, topic: Topic, bad: list[tuple[int, BadRecord]]
) -> list[dict[str, Any]]:
    return [dead_letter(topic, chunk.record(offset).timestamp_ms, record) for offset, record in bad]
