"""Rules over past minutes: the alerts they would have raised, and the series they looked at.

Detectors judge final minutes in order of time, so what comes out is what the detect stage would
have published in the end (semantics rule 27). Minutes before ``since`` are learned from only.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import polars as pl

from pipeline.detect.detection import Detection
from pipeline.detect.rules import AnyRule, dimensions_of_rule
from pipeline.domain.event_time import MINUTE

Record = dict[str, Any]

PICTURED_KEYS: Final = 3
"""Keys of a rule whose series are kept: those with alerts first, then those with most."""

POINTS: Final = 1200
"""Points of a series at most: about what a screen can show."""


class Point(NamedTuple):
    """The most of a minute within a stretch of time that begins ``at`` (microseconds)."""

    at: int
    most: int


class Series(NamedTuple):
    """What a rule counted of one key; ``step`` is the length of a point's stretch."""

    key: str
    step: int
    points: list[Point]


def measure_of(rule: AnyRule) -> str:
    """Return the column of request stats that a rule is most about."""
    parameters = rule.parameters
    status_class = getattr(parameters, "status_class", None)
    if status_class is not None:
        return f"status_{status_class}"
    measure = getattr(rule, "measure", None)
    if measure is None or getattr(rule, "novelty", None) == "member":
        measure = "members"
    return "members_distinct" if measure == "members" else str(measure)


def with_whole(rules: Sequence[AnyRule], chosen: Sequence[AnyRule]) -> list[AnyRule]:
    """Return the chosen rules, switched on, with the wholes and parts that share their causes."""
    ids = {rule.id for rule in chosen}
    wholes = ids | {_whole(rule) for rule in chosen if _whole(rule)}
    kept = [rule for rule in rules if rule.id in wholes or _whole(rule) in wholes]
    return [rule.model_copy(update={"state": "enabled"}) for rule in kept]


def dimensions_of(rules: Sequence[AnyRule]) -> list[str]:
    """Return the dimensions that rules read."""
    return sorted(set[str]().union(*(dimensions_of_rule(rule) for rule in rules)))


class Backtest:
    """Rules over final minutes that are added in order of time."""

    def __init__(self, rules: Sequence[AnyRule], since: int) -> None:
        """Take rules that are switched on; alerts that end by ``since`` are not counted."""
        self._detection = Detection(rules)
        self._since = since
        self._found: dict[tuple[str, str], Record] = {}

    def add(self, stats: pl.DataFrame, through: int) -> None:
        """Take all final stats up to ``through`` (microseconds), sorted by minute."""
        self._detection.finalise(stats, through)
        anomalies, _ = self._detection.take(0)
        for record in anomalies.to_dicts():
            self._found[record["fingerprint"], record["episode"]] = record

    def alerts(self) -> list[Record]:
        """Return the last record of every alert that was not withdrawn, oldest first."""
        kept = [
            record
            for record in self._found.values()
            if record["status"] != "retracted" and record["window_end"] > self._since
        ]
        return sorted(kept, key=lambda r: (r["window_start"], r["rule"], r["key"]))


class Pictured:
    """The counts of all keys of one rule, thinned as they come.

    Of every key the most of a minute in each of ``POINTS`` stretches is kept: 16 bytes a point
    that is not 0.
    """

    def __init__(self, rule: AnyRule, since: int, until: int) -> None:
        self._rule = rule
        self._since = since
        minutes = max(1, (until - since) // MINUTE)
        self.step = -(-minutes // POINTS) * MINUTE
        self._parts: list[pl.DataFrame] = []

    def add(self, stats: pl.DataFrame) -> None:
        """Take stats of some minutes."""
        rule = self._rule
        ours = (pl.col("dimension") == rule.dimension) & pl.col("feed").is_in(list(rule.feeds))
        at = (pl.col("minute").cast(pl.Int64) - self._since) // self.step
        part = (
            stats.lazy()
            .filter(ours & (pl.col("minute").cast(pl.Int64) >= self._since) & rule.filters.keeps)
            .group_by("key", at.alias("at"))
            .agg(pl.col(measure_of(rule)).max().alias("most"))
            .filter(pl.col("most") > 0)
            .collect()
        )
        self._parts.append(part)

    def series(self, first: Sequence[str]) -> list[Series]:
        """Return the series of a few keys: these first, then those with the most."""
        if not self._parts:
            return []
        merged = pl.concat(self._parts).group_by("key", "at").agg(pl.col("most").max())
        heaviest = (
            merged.group_by("key")
            .agg(pl.col("most").sum())
            .sort("most", "key", descending=[True, False])
        )
        keys = list(dict.fromkeys([*first, *heaviest["key"].to_list()]))[:PICTURED_KEYS]
        return [
            Series(key, self.step, self._points(merged.filter(pl.col("key") == key)))
            for key in keys
        ]

    def _points(self, one: pl.DataFrame) -> list[Point]:
        rows = one.sort("at").select("at", "most").iter_rows()
        return [Point(self._since + at * self.step, most) for at, most in rows]


class Overlap(NamedTuple):
    """Alerts of two lists, paired by rule, key and meeting windows."""

    both: list[tuple[Record, Record]]
    only_first: list[Record]
    only_second: list[Record]


def overlap(first: Sequence[Record], second: Sequence[Record], near: Mapping[str, int]) -> Overlap:
    """Pair alerts that tell the same story; ``near`` is microseconds by rule id."""
    free = list(second)
    both: list[tuple[Record, Record]] = []
    alone: list[Record] = []
    for one in first:
        met = [other for other in free if _meet(one, other, near.get(one["rule"], 0))]
        if not met:
            alone.append(one)
            continue
        best = min(met, key=lambda other: abs(other["window_start"] - one["window_start"]))
        free.remove(best)
        both.append((one, best))
    return Overlap(both, alone, free)


def _meet(one: Record, other: Record, near: int) -> bool:
    return bool(
        one["rule"] == other["rule"]
        and one["key"] == other["key"]
        and one["window_start"] <= other["window_end"] + near
        and other["window_start"] <= one["window_end"] + near
    )


def _whole(rule: AnyRule) -> str | None:
    whole: str | None = getattr(rule, "part_of", None)
    return whole
