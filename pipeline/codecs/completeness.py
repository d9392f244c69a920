"""What a transaction adds to each hour of a feed → columns of completeness.avsc.

An agent publishes these records in the transaction of the rows they count, so they are as exact
as the rows: read = published + deletes + dead + repeated (semantics rule 23). sessionize adds the
copies that its filter drops, in the commit that drops them. Records of an hour add up, however the
rows were cut into transactions: counts by sum, ``minutes`` by OR, the rest by largest and smallest.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.codecs.erasures import REQUEST
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.domain.feeds import COURSE_AUDIT, LIVE_EVENTS, WEB_LOGS, Feed
from pipeline.domain.topics import COURSE_AUDIT as COURSE_AUDIT_TOPIC
from pipeline.domain.topics import DEAD_LETTERS, ERASURES
from pipeline.domain.topics import LIVE_EVENTS as LIVE_EVENTS_TOPIC
from pipeline.domain.topics import WEB_LOGS as WEB_LOGS_TOPIC

_ROWS: Final[dict[str, tuple[Feed, str]]] = {
    WEB_LOGS_TOPIC.name: (WEB_LOGS, "timestamp"),
    LIVE_EVENTS_TOPIC.name: (LIVE_EVENTS, "event_time"),
    COURSE_AUDIT_TOPIC.name: (COURSE_AUDIT, "created_at"),
}
_COUNTS: Final = (
    *("read", "published", "deletes", "dead", "repeated", "duplicates"),
    *("lag_sum", "lag_max", "minutes"),
)
_TIMES: Final = ("first_at", "last_at")

Hour = tuple[Feed, int]
"""A feed, and the start of an hour in microseconds."""


def hour_of(instant: int) -> int:
    """Return the start of the hour of an instant, both in microseconds."""
    return instant // HOUR * HOUR


def by_hour(feed: Feed, times: NDArray[np.int64]) -> Counter[Hour]:
    """Count a feed's rows by the hours of their times."""
    starts, counts = np.unique(times // HOUR * HOUR, return_counts=True)
    return Counter(
        {(feed, int(start)): int(count) for start, count in zip(starts, counts, strict=True)}
    )


def completeness(topic: str, frame: pl.DataFrame) -> pl.DataFrame | None:
    """Return what records of a topic add, one row per feed and hour; None if they add nothing."""
    if frame.is_empty():
        return None
    if topic in _ROWS:
        return _of_rows(frame, *_ROWS[topic])
    if topic == DEAD_LETTERS.name:
        return _of_others(frame, pl.col("feed"), "happened_at", "dead")
    if topic == ERASURES.name:
        # Only web_logs have deletes; an order to forget a person was read from no feed.
        deletes = frame.filter(pl.col("kind") == REQUEST)
        return (
            None if deletes.is_empty() else _of_others(deletes, WEB_LOGS, "ingested_at", "deletes")
        )
    return None


def repeated(rows: Mapping[Hour, int], recorded_at: int) -> pl.DataFrame:
    """Return what records add that an agent read and dropped: its source gave them before."""
    counts = list(rows.values())
    return _of_hours(rows, [recorded_at] * len(rows), read=counts, repeated=counts)


def duplicates(rows: Mapping[Hour, tuple[int, int]]) -> pl.DataFrame:
    """Return what rows add that were dropped as copies: how many, and when they were published."""
    counts, published_at = zip(*rows.values(), strict=True)
    return _of_hours(rows, published_at, duplicates=counts)


def _of_rows(frame: pl.DataFrame, feed: Feed, time: str) -> pl.DataFrame:
    """Count rows by hour; with numpy, a tenth of a query's cost for the few rows of a delivery."""
    at, ingested_at = frame[time].to_numpy(), frame["ingested_at"].to_numpy()
    order = np.argsort(at, kind="stable")
    at, ingested_at = at[order], ingested_at[order]
    starts = at // HOUR * HOUR
    firsts = np.flatnonzero(np.diff(starts, prepend=starts[0] - 1))
    ends = np.append(firsts[1:], len(at))
    lag = np.maximum(ingested_at - at, 0)
    minutes = np.left_shift(np.int64(1), (at - starts) // MINUTE)
    return _of_hours(
        [(feed, start) for start in starts[firsts].tolist()],
        np.maximum.reduceat(ingested_at, firsts),
        read=ends - firsts,
        published=ends - firsts,
        lag_sum=np.add.reduceat(lag, firsts),
        lag_max=np.maximum.reduceat(lag, firsts),
        minutes=np.bitwise_or.reduceat(minutes, firsts),
        first_at=at[firsts],
        last_at=at[ends - 1],
    )


def _of_others(frame: pl.DataFrame, feed: pl.Expr | Feed, time: str, outcome: str) -> pl.DataFrame:
    counted = (
        frame.with_columns(feed=pl.lit(feed) if isinstance(feed, str) else feed)
        .group_by("feed", start=pl.col(time) // HOUR * HOUR)
        .agg(rows=pl.len().cast(pl.Int64), recorded_at=pl.col(time).max())
        .sort("feed", "start")
    )
    hours = list(zip(counted["feed"], counted["start"], strict=True))
    rows = {"read": counted["rows"], outcome: counted["rows"]}
    return _of_hours(hours, counted["recorded_at"], **rows)


def _of_hours(hours: Collection[Hour], recorded_at: Any, **known: Any) -> pl.DataFrame:
    """Return a row per hour, of which there is one at least; what is not known is 0, a time null.

    Columns are arrays, sequences or Series of int64.
    """
    feeds, starts = zip(*hours, strict=True)
    none = pl.Series(np.zeros(len(starts), np.int64))
    no_time = pl.Series([None] * len(starts), dtype=pl.Int64)
    columns = {name: none.alias(name) for name in _COUNTS}
    columns |= {name: no_time.alias(name) for name in _TIMES}
    known |= {"start": starts, "recorded_at": recorded_at}
    columns |= {name: pl.Series(name, values, pl.Int64) for name, values in known.items()}
    return pl.DataFrame([pl.Series("feed", feeds), *columns.values()])
