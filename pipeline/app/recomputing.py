"""Recomputing results from what ClickHouse holds, and publishing what differs (rule 28).

    rows ─▶ the stages' tasks ─▶ sessions ─▶ differ? ─▶ published, day by day
                              └▶ statistics ─▶ differ? ─▶ kept on disk ─┬─▶ anomalies, published
                                                                       └─▶ then published

Statistics are published last: a run that is cut off finds them differing again and judges the
anomalies once more. Every transaction is complete in itself.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import polars as pl

from pipeline.app.missing_rows import MissingRows
from pipeline.app.settings import Settings
from pipeline.app.settled import Settled
from pipeline.app.spooled_stats import SpooledStats
from pipeline.codecs.keys import binary_values
from pipeline.codecs.partitioner import partition_of
from pipeline.codecs.schemas import Schemas
from pipeline.detect.rules import AnyRule
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.domain.topics import ANOMALIES, REQUEST_STATS, SESSIONS, Topic
from pipeline.engine.anomaly_changes import AnomalyComparison
from pipeline.engine.blocks import BlockMaker
from pipeline.engine.changes import LOSS, Changes
from pipeline.engine.recompute import DROPPED, Found, Recomputation, Span, with_neighbours
from pipeline.engine.session_changes import session_changes
from pipeline.engine.stage import Block
from pipeline.engine.stat_changes import IDENTITY as STAT
from pipeline.engine.stat_changes import stat_changes
from pipeline.ingest.publisher import Publisher
from pipeline.sink.recorded import Recorded
from pipeline.sink.selections import EVERYTHING, Selection

BASELINE_H: Final = 14 * 24
"""Hours of stored statistics from which the detectors learn before the first revised minute."""

AFTER_H: Final = 24
"""Hours judged after the last revised minute: the longest an episode usually goes on."""

PER_TRANSACTION: Final = 20_000
SHOWN: Final = 5


class Job(NamedTuple):
    """One activity day, and which of its rows and results."""

    day: Span
    selection: Selection


@dataclass(slots=True)
class Outcome:
    """What changed: numbers per kind of result, and a few records of each."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    first: dict[str, list[pl.DataFrame]] = field(default_factory=dict)
    rows: int = 0

    def add(self, kind: str, changes: Changes) -> None:
        """Count the changes of one job."""
        held = self.counts.setdefault(kind, dict.fromkeys(("new", "revised", "gone", "waiting"), 0))
        for name in held:
            held[name] += getattr(changes, name)
        shown = self.first.setdefault(kind, [])
        if sum(frame.height for frame in shown) < SHOWN and changes.records.height:
            shown.append(changes.records.head(SHOWN))


class Recomputing:
    """Runs jobs against one database; ``publisher`` None: says only what would change.

    ``now`` (microseconds) tells which rows may have expired.
    """

    def __init__(
        self,
        settings: Settings,
        schemas: Schemas,
        rules: Sequence[AnyRule],
        *,
        recorded: Recorded,
        publisher: Publisher | None,
        until: Settled,
        now: int,
    ) -> None:
        self.outcome = Outcome()
        self._settings = settings
        self._schemas = schemas
        self._rules = rules
        self._recorded = recorded
        self._publisher = publisher
        self._until = until
        self._now = now
        self._blocks = BlockMaker(schemas, settings.site_name)

    async def run(
        self, jobs: Sequence[Job], spool: SpooledStats, progressed: Callable[[int], None]
    ) -> None:
        """Run jobs in order of their days; ``progressed`` is told the rows read so far."""
        missing = MissingRows(
            await asyncio.to_thread(self._recorded.erasures), self._settings.keep_raw_days or None
        )
        for job in jobs:
            sessions, stats = await asyncio.to_thread(self._compared, job, progressed)
            missing.judge(job.day, sessions.losses, stats.losses, self._now)
            self.outcome.add("sessions", sessions)
            self.outcome.add("statistics", stats)
            await self._publish_sessions(sessions.records)
            spool.add(stats.records)
        anomalies = await asyncio.to_thread(self._anomalies, spool)
        self.outcome.add("anomalies", _counted(anomalies))
        await self._publish(ANOMALIES, 0, anomalies)
        for records in spool:
            await self._publish(REQUEST_STATS, 0, records)

    def _compared(self, job: Job, progressed: Callable[[int], None]) -> tuple[Changes, Changes]:
        day, selection = job
        found = self._found(job, progressed)
        generation = self._settings.generation
        empty = found.sessions.clear(), found.stats.clear()
        sessions = session_changes(
            found.sessions.filter(_within("start", day)) if selection.sessions else empty[0],
            self._recorded.sessions(*day, selection) if selection.sessions else empty[0],
            self._schemas.named(SESSIONS.schema),
            horizon=self._until.sessions,
            generation=generation,
        )
        stats = stat_changes(
            found.stats.filter(_within("minute", day)) if selection.stats else empty[1],
            self._recorded.stats(*day, selection) if selection.stats else empty[1],
            self._schemas.named(REQUEST_STATS.schema),
            limit=self._until.minutes,
            generation=generation,
        )
        return sessions, stats

    def _found(self, job: Job, progressed: Callable[[int], None]) -> Found:
        rules = self._settings.event_time()
        run = Recomputation(
            rules, self._schemas, max_keys=self._settings.max_keys_per_minute or None
        )
        start, end = with_neighbours(rules, job.day)
        parts: list[Found] = []
        for upto in self._recorded.slices(run.feeds, start, end, job.selection):
            rows = {
                feed: self._recorded.rows(feed, start, upto, job.selection) for feed in run.feeds
            }
            self.outcome.rows += sum(frame.height for frame in rows.values())
            progressed(self.outcome.rows)
            parts.append(run.add(rows, upto))
            start = upto
        parts.append(run.close())
        return Found(
            pl.concat([part.sessions for part in parts]), pl.concat([part.stats for part in parts])
        )

    def _anomalies(self, spool: SpooledStats) -> pl.DataFrame:
        """Judge the minutes around the revised ones in both views; return what to publish."""
        comparison = AnomalyComparison(self._rules)
        generation = self._settings.generation
        if spool.first is None or spool.end is None:
            return comparison.changes([], generation)
        first = spool.first // HOUR * HOUR
        end = min(spool.end + AFTER_H * HOUR, self._until.minutes // MINUTE * MINUTE)
        for start, through in _days(first - BASELINE_H * HOUR, first):
            comparison.learn(self._stats(start, through), through)
        for start, through in _days(first, end):
            stored = self._stats(start, through)
            changed = spool.between(start, through)
            revised = _overlaid(stored, changed) if changed else stored
            comparison.add(stored, revised, through)
        published = self._recorded.anomalies(first - AFTER_H * HOUR, end + AFTER_H * HOUR)
        return comparison.changes(published.to_dicts(), generation)

    def _stats(self, start: int, end: int) -> pl.DataFrame:
        stats = self._recorded.stats(start, end, EVERYTHING)
        return stats.filter(pl.col("status").is_in(DROPPED)).sort("minute", *STAT)

    async def _publish_sessions(self, records: pl.DataFrame) -> None:
        """Publish to the partitions in which the sessions' rows lie, ids never cut apart."""
        if self._publisher is None or records.height == 0:
            return
        keys = binary_values(records["session_id"])
        places = partition_of(keys, self._publisher.partitions(SESSIONS.name))
        records = records.with_columns(pl.Series("_place", places)).sort("_place", "session_id")
        for part in _whole_ids(records):
            blocks = [
                self._blocks.block(SESSIONS, int(frame["_place"][0]), frame.drop("_place"))
                for frame in part.partition_by("_place", maintain_order=True)
            ]
            await self._publisher.publish(blocks)

    async def _publish(self, topic: Topic, partition: int, records: pl.DataFrame) -> None:
        if self._publisher is None:
            return
        for part in records.iter_slices(PER_TRANSACTION):
            if part.height:
                blocks: list[Block] = [self._blocks.block(topic, partition, part)]
                await self._publisher.publish(blocks)


def _within(column: str, span: Span) -> pl.Expr:
    return pl.col(column).is_between(span.start, span.end, closed="left")


def _days(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Cut a range into parts of a day; detectors find the same, however it is cut."""
    while start < end:
        yield start, min(start + 24 * HOUR, end)
        start += 24 * HOUR


def _overlaid(stored: pl.DataFrame, changed: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the statistics as they will be once the changed ones are published."""
    news = pl.concat(changed)
    kept = stored.join(news, on=STAT, how="anti")
    return pl.concat([kept, news.select(stored.columns)]).sort("minute", *STAT)


def _whole_ids(records: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Cut records into transactions of about PER_TRANSACTION without tearing an id apart."""
    start = 0
    while start < records.height:
        end = min(start + PER_TRANSACTION, records.height)
        while end < records.height and records["session_id"][end] == records["session_id"][end - 1]:
            end += 1
        yield records[start:end]
        start = end


def _counted(anomalies: pl.DataFrame) -> Changes:
    statuses = anomalies["status"].to_list()
    return Changes(
        anomalies,
        new=statuses.count("resolved"),
        revised=statuses.count("revised"),
        gone=statuses.count("retracted"),
        waiting=0,
        losses=pl.DataFrame(schema=LOSS),
    )
