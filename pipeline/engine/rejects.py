"""Rows a task does not take: late, unreadable or without identity, kept until the next flush."""

from collections.abc import Sequence
from typing import Any, Final, Literal

import polars as pl

from pipeline.codecs.chunk import Chunk
from pipeline.codecs.dead_letters import dead_letters
from pipeline.domain.bad_record import BadRecord
from pipeline.domain.feeds import KEY_COLUMN, TIME_COLUMN, Feed

_LATE_SCHEMA: Final[dict[str, Any]] = {
    "feed": pl.String,
    "reason": pl.String,
    "event_key": pl.String,
    "event_time": pl.Int64,
    "watermark": pl.Int64,
    "source_topic": pl.String,
    "source_partition": pl.Int32,
    "source_offset": pl.Int64,
    "schema_id": pl.Int64,
    "value": pl.Binary,
}


class Rejects:
    """Late rows and dead letters of one task since its last flush; ``source`` is its stage."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._late: list[pl.DataFrame] = []
        self._dead: list[pl.DataFrame] = []

    def late(
        self, reason: str, feed: Feed, chunk: Chunk, rows: pl.DataFrame, watermark: int | None
    ) -> int:
        """Keep decoded rows as LateRow records with their original bytes; return how many."""
        values = [chunk.record(offset).value or b"" for offset in rows["_offset"].to_list()]
        self._late.append(
            pl.DataFrame(
                {
                    "feed": [feed] * rows.height,
                    "reason": [reason] * rows.height,
                    "event_key": rows[KEY_COLUMN[feed]].str.replace_all("-", "", literal=True),
                    "event_time": rows[TIME_COLUMN[feed]],
                    "watermark": pl.Series([watermark] * rows.height, dtype=pl.Int64),
                    "source_topic": [chunk.topic] * rows.height,
                    "source_partition": [chunk.partition] * rows.height,
                    "source_offset": rows["_offset"],
                    "schema_id": [int.from_bytes(value[1:5]) for value in values],
                    "value": values,
                },
                schema=_LATE_SCHEMA,
            )
        )
        return rows.height

    def dead(
        self,
        feed: Feed | Literal["request_deltas"],
        chunk: Chunk,
        bad: Sequence[tuple[int, BadRecord]],
    ) -> None:
        """Keep records that cannot be taken as DeadLetter records."""
        for offset, record in bad:
            letter = dead_letters(
                [record],
                source=self._source,
                feed=feed,  # type: ignore[arg-type]  # deltas are of no feed: their name stands there
                happened_at=chunk.record(offset).timestamp_ms * 1000,
            )
            self._dead.append(letter)

    def without_key(self, feed: Feed, chunk: Chunk, rows: pl.DataFrame) -> int:
        """Keep rows whose event key is none as DeadLetter records; return how many."""
        bad = [
            (
                offset,
                BadRecord(
                    location=f"{chunk.topic}/{chunk.partition}/{offset}",
                    reason="value",
                    detail=f"{KEY_COLUMN[feed]} should have 128 bits",
                    error_class="ValueError",
                    payload=chunk.record(offset).value or b"",
                ),
            )
            for offset in rows["_offset"].to_list()
        ]
        self.dead(feed, chunk, bad)
        return len(bad)

    def take(self) -> tuple[pl.DataFrame | None, pl.DataFrame | None]:
        """Return late rows and dead letters since the last take; None where there are none."""
        late = pl.concat(self._late) if self._late else None
        dead = pl.concat(self._dead) if self._dead else None
        self._late, self._dead = [], []
        return late, dead
