"""Rows of the past through the stages' own tasks, to final sessions and minutes (rule 28).

Rows come slice by slice of event time, every row of a slice before the next slice, so nothing is
late and the lateness that a live run allows is not needed: what is held is the sessions of the
last hour.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from pipeline.codecs.chunk import TIMESTAMP_MS, RecordChunk
from pipeline.codecs.flat_schema import dtypes
from pipeline.codecs.marks import Mark, mark_headers
from pipeline.codecs.schemas import Schemas
from pipeline.detect.detection import Detection
from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.feeds import TIME_COLUMN, Feed
from pipeline.domain.topics import REQUEST_STATS, SESSIONS, Topic
from pipeline.engine.replay import Replay
from pipeline.engine.row_chunk import RowChunk
from pipeline.engine.sessionize_task import INPUTS
from pipeline.engine.stage import MarkBlock
from pipeline.sessionize.activity_day import ActivityDays

MICROS_PER_MS: Final = 1000
DROPPED: Final = ("final", "folded")
"""Statuses of what will not change any more."""


class Span(NamedTuple):
    """[start, end) of event time in microseconds."""

    start: int
    end: int


class Found(NamedTuple):
    """Final records in the columns of their schemas; versions mean nothing."""

    sessions: pl.DataFrame
    stats: pl.DataFrame


class Recomputation:
    """Sessions and minutes of rows that all are there; see the module's text.

    ``max_keys`` must be what the detect stage folds by, else minutes differ.
    """

    def __init__(
        self, rules: EventTimeRules, schemas: Schemas, *, max_keys: int | None = 1000
    ) -> None:
        feeds = tuple(feed for feed in rules.feeds if feed in INPUTS)
        self._rules = replace(rules, feeds=feeds, allowed_lateness=0, out_of_orderness={})
        self._schemas = schemas
        self._found: dict[str, list[pl.DataFrame]] = {SESSIONS.name: [], REQUEST_STATS.name: []}
        self._replay = Replay(
            self._rules, schemas, Detection([]), self._take, published_ms=0, max_keys=max_keys
        )

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """The feeds whose rows make sessions and minutes."""
        return self._rules.feeds

    def add(self, rows: Mapping[Feed, pl.DataFrame], end: int) -> Found:
        """Take all rows before ``end`` (microseconds) that were not taken yet.

        Frames have the columns of an event batch's source and ``_offset``. Returns what has
        become final. Raises OurMistake if a row lies so far back that it is late.
        """
        chunks = [
            RowChunk(INPUTS[feed].name, frame.with_columns(_published(feed)))
            for feed, frame in rows.items()
            if frame.height
        ]
        self._replay.read(chunks)
        late = sum(tally.late for tally in self._replay.tallies.values())
        if late:
            raise OurMistake(f"{late} rows came in the wrong order: slices must follow each other.")
        self._mark(end)
        return self._taken()

    def close(self) -> Found:
        """Return the rest: no row comes any more."""
        self._replay.close()
        return self._taken()

    def _mark(self, at: int) -> None:
        self._replay.publish(
            [
                MarkBlock(INPUTS[feed].name, 0, mark_headers(Mark(feed, at)))
                for feed in self._rules.feeds
            ]
        )

    def _take(self, chunk: RecordChunk) -> None:
        for topic in (SESSIONS, REQUEST_STATS):
            if chunk.topic == topic.name:
                columns = list(dtypes(self._schemas.named(topic.schema)))
                frame = chunk.decode(self._schemas, topic.schema, columns).frame
                done = frame.filter(pl.col("status").is_in(DROPPED)).select(columns)
                self._found[topic.name].append(done)

    def _taken(self) -> Found:
        return Found(self._gathered(SESSIONS), self._gathered(REQUEST_STATS))

    def _gathered(self, topic: Topic) -> pl.DataFrame:
        frames = self._found[topic.name]
        empty = pl.DataFrame(schema=dtypes(self._schemas.named(topic.schema)))
        self._found[topic.name] = []
        return pl.concat([empty, *frames])


def _published(feed: Feed) -> pl.Expr:
    """Say that a row was published when it happened: what a stage took must not be refused."""
    return (pl.col(TIME_COLUMN[feed]) // MICROS_PER_MS).alias(TIMESTAMP_MS)


def activity_days(rules: EventTimeRules, span: Span) -> list[Span]:
    """Return the whole activity days that a span touches: no session crosses their edges."""
    days = ActivityDays(rules.time_zone, rules.day_start_s)
    first, last = days.of(np.array([span.start, max(span.start, span.end - 1)], np.int64)).tolist()
    return [Span(days.start(day), days.start(day + 1)) for day in range(first, last + 1)]


def with_neighbours(rules: EventTimeRules, span: Span) -> Span:
    """Widen a span by the gap: rows beyond a day's edge decide whether a session is continued."""
    return Span(span.start - rules.gap, span.end + rules.gap)
