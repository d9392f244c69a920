"""What a line in memory has published, read back as ClickHouse would give it, and recomputed."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from pipeline.codecs.event_batch import event_columns
from pipeline.codecs.flat_schema import dtypes
from pipeline.domain.event_time import HOUR, EventTimeRules
from pipeline.domain.feeds import KEY_COLUMN as KEY
from pipeline.domain.feeds import TIME_COLUMN as TIME
from pipeline.domain.feeds import Feed
from pipeline.domain.topics import LATE, REQUEST_STATS, SESSIONS, Topic
from pipeline.engine.blocks import BlockMaker
from pipeline.engine.changes import Changes
from pipeline.engine.recompute import Found, Recomputation, Span
from pipeline.engine.session_changes import session_changes
from pipeline.engine.sessionize_task import INPUTS
from pipeline.engine.stat_changes import stat_changes
from tests.support.memory_kafka import SCHEMAS, MemoryKafka

IDENTITIES = {
    SESSIONS: ("session_id", "start"),
    REQUEST_STATS: ("feed", "minute", "dimension", "key"),
}


class Past:
    """Raw rows de-duplicated first-wins, and the latest record of every identity."""

    def __init__(self, kafka: MemoryKafka, rules: EventTimeRules) -> None:
        self.kafka = kafka
        self.rules = rules

    def rows(self, feed: Feed) -> pl.DataFrame:
        """Return a feed's rows; those with an impossible time left out."""
        frame = self._frame(INPUTS[feed])
        misdated = [
            row["event_key"] for row in self.kafka.rows(LATE.name) if row["reason"] == "time"
        ]
        return (
            frame.unique(KEY[feed], keep="first", maintain_order=True)
            .filter(~pl.col(KEY[feed]).str.replace_all("-", "").is_in(misdated))
            .select(*event_columns(feed), "_offset")
        )

    def latest(self, topic: Topic) -> pl.DataFrame:
        """Return what a table that keeps the highest version holds; withdrawn ones left out."""
        frame = self._frame(topic).sort("version", "_offset").drop("_offset")
        return frame.unique(IDENTITIES[topic], keep="last").filter(pl.col("status") != "withdrawn")

    def found(self, hours: int = 1) -> Found:
        """Recompute everything, so many hours at a time."""
        run = Recomputation(self.rules, SCHEMAS)
        rows = {feed: self.rows(feed) for feed in run.feeds}
        parts: list[Found] = []
        for span in _spans([frame[TIME[feed]] for feed, frame in rows.items()], hours * HOUR):
            within = {
                feed: frame.filter(pl.col(TIME[feed]).is_between(*span, closed="left"))
                for feed, frame in rows.items()
            }
            parts.append(run.add(within, span.end))
        parts.append(run.close())
        return Found(*(pl.concat(each) for each in zip(*parts, strict=True)))

    def recompute(self, limit: int, *, hours: int = 1, generation: int = 0) -> list[Changes]:
        """Recompute everything and publish what differs; ``limit`` is that of the stages."""
        changes = self.compared(limit, hours=hours, generation=generation)
        for topic, change in changes.items():
            if change.records.height:
                self.kafka.publish(BlockMaker(SCHEMAS).block(topic, 0, change.records))
        return list(changes.values())

    def compared(self, limit: int, *, hours: int = 1, generation: int = 0) -> dict[Topic, Changes]:
        """Recompute everything and publish nothing of it."""
        found = self.found(hours)
        return {
            SESSIONS: session_changes(
                found.sessions,
                self.latest(SESSIONS),
                SCHEMAS.named(SESSIONS.schema),
                horizon=limit - self.rules.gap,
                generation=generation,
            ),
            REQUEST_STATS: stat_changes(
                found.stats,
                self.latest(REQUEST_STATS),
                SCHEMAS.named(REQUEST_STATS.schema),
                limit=limit,
                generation=generation,
            ),
        }

    def finals(self, topic: Topic) -> list[dict[str, Any]]:
        """Return what rule 27 compares of the latest final records."""
        hidden = {"version"} | {name for name in self.latest(topic).columns if "_offset" in name}
        rows = self.latest(topic).drop(hidden).to_dicts()
        return sorted((row for row in rows if row.get("rows") != 0), key=str)

    def _frame(self, topic: Topic) -> pl.DataFrame:
        types = dtypes(SCHEMAS.named(topic.schema))
        return pl.DataFrame(self.kafka.rows(topic.name), schema={**types, "_offset": pl.Int64()})


def _spans(times: Sequence[pl.Series], width: int) -> list[Span]:
    every = [int(time) for series in times for time in series]
    if not every:
        return []
    first, last = min(every) // width, max(every) // width
    return [Span(n * width, (n + 1) * width) for n in range(first, last + 1)]
