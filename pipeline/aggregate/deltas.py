"""What one commit added to every minute, dimension and key.

Each chunk is counted into small groups at once; a commit adds those of its chunks up.
"""

from typing import Final

import polars as pl

from pipeline.aggregate.counts import (
    ADDED,
    MEMBERS,
    SAMPLES,
    Rows,
    count,
    histograms,
    rows_of,
    text_lists,
)
from pipeline.aggregate.dimensions import DIMENSIONS, Dimension
from pipeline.aggregate.members import smallest_by_hash
from pipeline.domain.event_time import MINUTE
from pipeline.domain.feeds import FEEDS, LIVE_EVENTS, Feed

DELTA_COLUMNS: Final = (
    "feed",
    "minute",
    "dimension",
    "key",
    "partition",
    "sequence",
    "rows",
    "status_1xx",
    "status_2xx",
    "status_3xx",
    "status_4xx",
    "status_5xx",
    "status_other",
    "errors",
    "writes",
    "masqueraded",
    "participations",
    "duration_sum",
    "duration_max",
    "durations",
    "members",
    "sample_request_ids",
    "sample_session_ids",
)

_GROUP: Final = ("minute", "dimension", "key")


class RequestDeltas:
    """Collects rows between two commits."""

    def __init__(self, dimensions: tuple[Dimension, ...] = DIMENSIONS) -> None:
        self._dimensions = dimensions
        self._counts: dict[Feed, list[pl.DataFrame]] = {feed: [] for feed in FEEDS}
        self._sets: dict[Feed, list[pl.DataFrame]] = {feed: [] for feed in FEEDS}

    def add(self, feed: Feed, batch: pl.DataFrame) -> None:
        """Count the rows of an event batch."""
        if batch.height == 0:
            return
        whole = rows_of(batch)
        # Ids are kept of the rows worth a look: errors and masqueraded ones.
        worth = _where(batch, (pl.col("status") >= 400) | pl.col("masqueraded"))
        for dimension in self._dimensions:
            if feed not in dimension.feeds:
                continue
            if dimension.rows is None:
                self._add_counts(feed, dimension, batch, whole)
                self._add_samples(feed, dimension, worth)
            elif (few := _where(batch, dimension.rows)).height:
                self._add_counts(feed, dimension, few, rows_of(few))
                self._add_samples(feed, dimension, few)

    def pending(self) -> bool:
        """Return whether a take would give anything."""
        return any(self._counts.values())

    def take(self, partition: int, sequence: int) -> pl.DataFrame:
        """Return the deltas since the last take, one row per identity, and start anew."""
        frames = [self._taken(feed) for feed in FEEDS if self._counts[feed]]
        for feed in FEEDS:
            self._counts[feed].clear()
            self._sets[feed].clear()
        if not frames:
            return pl.DataFrame(schema=dict.fromkeys(DELTA_COLUMNS, pl.Null))
        return (
            pl.concat(frames)
            .with_columns(
                pl.lit(partition, pl.Int32).alias("partition"),
                pl.lit(sequence, pl.Int64).alias("sequence"),
            )
            .select(DELTA_COLUMNS)
            .sort("minute", maintain_order=True)
        )

    def _add_counts(
        self, feed: Feed, dimension: Dimension, batch: pl.DataFrame, rows: Rows
    ) -> None:
        keys = batch.select(key=dimension.key.cast(pl.String)).to_series()
        if len(keys) == 1:
            keys = keys.new_from_index(0, batch.height)
        counts = count(rows, dimension.name, keys, with_status=feed != LIVE_EVENTS)
        self._counts[feed].append(counts)

    def _add_samples(self, feed: Feed, dimension: Dimension, rows: pl.DataFrame) -> None:
        """Remember members and ids of these rows."""
        if rows.height == 0:
            return
        members = pl.lit(None, pl.String) if dimension.members is None else dimension.members
        self._sets[feed].append(
            rows.select(
                (pl.col("time") // MINUTE * MINUTE).alias("minute"),
                pl.lit(dimension.name).alias("dimension"),
                dimension.key.alias("key"),
                members.alias("members"),
                pl.col("request_id").alias("sample_request_ids"),
                pl.col("session_id").alias("sample_session_ids"),
            )
        )

    def _taken(self, feed: Feed) -> pl.DataFrame:
        counts = pl.concat(self._counts[feed]).group_by(*_GROUP).agg(*ADDED)
        durations = histograms(counts, empty=feed == LIVE_EVENTS)
        frame = counts.with_columns(durations.alias("durations"), pl.lit(feed).alias("feed"))
        return frame.join(self._taken_sets(feed), on=_GROUP, how="left").with_columns(
            pl.col(name).fill_null([])
            for name in ("members", "sample_request_ids", "sample_session_ids")
        )

    def _taken_sets(self, feed: Feed) -> pl.DataFrame:
        names = ("members", "sample_request_ids", "sample_session_ids")
        if not self._sets[feed]:
            keys = {"minute": pl.Int64, "dimension": pl.String, "key": pl.String}
            return pl.DataFrame(schema={**keys, **dict.fromkeys(names, pl.List(pl.String))})
        merged = (
            pl.concat(self._sets[feed])
            .group_by(*_GROUP)
            .agg(pl.col(name).unique().drop_nulls().sort() for name in names)
        )
        if (merged["members"].list.len() > MEMBERS + 1).any():
            # One more than the cap, so that whoever adds up knows that it was passed.
            fewer = [smallest_by_hash(m, MEMBERS + 1) for m in merged["members"].to_list()]
            merged = merged.with_columns(text_lists(fewer).alias("members"))
        return merged.with_columns(pl.col(name).list.head(SAMPLES) for name in names[1:])


def _where(batch: pl.DataFrame, rows: pl.Expr) -> pl.DataFrame:
    """Return the selected rows, few of many: gathering them is cheaper than filtering."""
    return batch[batch.select(rows).to_series().arg_true()]
