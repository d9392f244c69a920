"""The examples of a rule, tried: made-up minutes through the detectors, as if they were final.

A rule is tried alone and from nothing, so an example says by itself all that the rule knows.
What is found depends on final minutes alone (semantics rule 27), so it is what the running
detect stage would have published in the end.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.aggregate.stats import STAT_COLUMNS
from pipeline.detect.detection import Detection
from pipeline.detect.rules import AnyRule
from pipeline.detect.rules.examples import COUNTS, Example, Phase
from pipeline.domain.event_time import MICROS, MINUTE

_TEXTS: Final = ("feed", "dimension", "key", "status")
_LISTS: Final = ("members", "sample_request_ids", "sample_session_ids")

SCHEMA: Final[Mapping[str, Any]] = {
    name: pl.String
    if name in _TEXTS
    else pl.List(pl.String)
    if name in _LISTS
    else pl.List(pl.Int64)
    if name == "durations"
    else pl.Boolean
    if name == "members_capped"
    else pl.Int64
    for name in STAT_COLUMNS
}
"""The columns of request stats, as the detect stage hands them to detectors."""

_DAY_MIN: Final = 24 * 60


class Tried(NamedTuple):
    """An example and the alerts it raised, withdrawn ones left out; right if as it should be."""

    example: Example
    fires: bool
    alerts: list[dict[str, Any]]

    @property
    def right(self) -> bool:
        """Whether it fired as it must, or stayed quiet as it must."""
        return bool(self.alerts) == self.fires


def try_examples(rule: AnyRule) -> Iterator[Tried]:
    """Try the examples of a rule one by one, those that must fire first."""
    for fires, examples in ((True, rule.examples.fires), (False, rule.examples.quiet)):
        for example in examples:
            yield Tried(example, fires, _alerts(rule, example))


def example_stats(rule: AnyRule, example: Example) -> tuple[pl.DataFrame, int]:
    """Return the final stats of an example in order of minutes, and its end (microseconds)."""
    start = _minute_of(example.start)
    frames, at, end = [], start, start
    for number, phase in enumerate(example.minutes):
        at = at if phase.at_min is None else start + phase.at_min
        frames.append(_phase(rule, phase, at, number))
        at += phase.for_min
        end = max(end, at)
    return pl.concat(frames).sort("minute", "dimension", "key", maintain_order=True), end * MINUTE


def _alerts(rule: AnyRule, example: Example) -> list[dict[str, Any]]:
    alone = rule.model_copy(
        update={"state": "enabled"} | ({"part_of": None} if _part(rule) else {})
    )
    stats, end = example_stats(rule, example)
    detection = Detection([alone])
    detection.finalise(stats, end)
    anomalies, _ = detection.take(1)
    last = {(one["fingerprint"], one["episode"]): one for one in anomalies.to_dicts()}
    return [one for one in last.values() if one["status"] != "retracted"]


def _part(rule: AnyRule) -> bool:
    return "part_of" in type(rule).model_fields


def _phase(rule: AnyRule, phase: Phase, at: int, number: int) -> pl.DataFrame:
    if phase.rows == 0:
        return pl.DataFrame(schema=dict(SCHEMA))
    minutes = _minutes(phase, at)
    keys = [phase.key] if phase.keys == 1 else [f"{phase.key}-{i + 1}" for i in range(phase.keys)]
    rows = len(minutes) * len(keys)
    members = _members(phase, len(minutes), len(keys), number)
    counts = {name: getattr(phase, name) for name in COUNTS}
    if phase.errors is None:
        counts["errors"] = phase.status_4xx + phase.status_5xx
    samples = [[f"example-{number}-{i}"] for i in range(rows)]
    columns: dict[str, Any] = {
        "feed": phase.feed or rule.feeds[0],
        "minute": np.repeat(minutes, len(keys)) * MINUTE,
        "dimension": phase.dimension or rule.dimension,
        "key": keys * len(minutes),
        "status": "final",
        "version": 0,
        **counts,
        "durations": pl.Series([[]] * rows, dtype=pl.List(pl.Int64)),
        "members": pl.Series(members, dtype=pl.List(pl.String)),
        "sample_request_ids": pl.Series(samples, dtype=pl.List(pl.String)),
        "sample_session_ids": pl.Series([[]] * rows, dtype=pl.List(pl.String)),
        "members_distinct": pl.Series([len(one) for one in members], dtype=pl.Int64),
        "members_capped": False,
        "keys_folded": 0,
    }
    return pl.DataFrame(columns, schema_overrides=dict(SCHEMA)).select(STAT_COLUMNS)


def _minutes(phase: Phase, at: int) -> npt.NDArray[np.int64]:
    minutes = np.arange(at, at + phase.for_min, phase.every_min, dtype=np.int64)
    first, last = phase.hours
    hour = minutes % _DAY_MIN / 60
    return minutes[(hour >= first) & (hour < last)]


def _members(phase: Phase, minutes: int, keys: int, number: int) -> Sequence[Sequence[str]]:
    if not isinstance(phase.members, int):
        return [phase.members] * (minutes * keys)
    many = phase.members
    return [
        [f"m{number}-{key}-{minute * many + i}" for i in range(many)]
        for minute in range(minutes)
        for key in range(keys)
    ]


def _minute_of(start: datetime) -> int:
    aware = start if start.tzinfo else start.replace(tzinfo=UTC)
    return int(aware.timestamp()) * MICROS // MINUTE
