"""When an alert is first seen, in event time: the same judgement, minute by minute."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import polars as pl

from bench.detection.scoring import SLACK
from bench.detection.stretch import standing
from pipeline.detect.detection import Detection
from pipeline.detect.rules import AnyRule, dimensions_of_rule
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.simulator.labels import AttackLabel

Record = dict[str, Any]

FAR: Final = 5 * 24 * HOUR
LATER: Final = 5 * MINUTE
CLOSELY: Final = 30 * MINUTE
"""Around an attack every minute is judged on its own, later every fifth, elsewhere days."""


def by_the_minute(
    stats: pl.DataFrame, rules: Sequence[AnyRule], labels: Sequence[AttackLabel]
) -> tuple[list[Record], dict[str, int]]:
    """Judge final stats in steps; return the alerts, and when each episode was first seen (us).

    Each family of rules is judged on its own, closely around its own attacks alone: what others do
    changes nothing (a law of the tests), and all rules in every minute cost thirty times as much.
    """
    alerts: list[Record] = []
    seen: dict[str, int] = {}
    first: Any = stats["minute"].min()
    newest: Any = stats["minute"].max()
    for family in _families(rules):
        ids = {rule.id for rule in family}
        own = [label for label in labels if label.rule in ids]
        read = stats.filter(pl.col("dimension").is_in(_dimensions(family)))
        # As at the end of a replay: nothing within the gap of the newest row changes any more.
        alerts += _judged(read, family, _steps(first, newest + 30 * MINUTE, own), seen)
    return standing(alerts), seen


def _judged(
    stats: pl.DataFrame, rules: Sequence[AnyRule], steps: Iterator[int], seen: dict[str, int]
) -> Iterable[Record]:
    detection = Detection(rules)
    minutes = stats["minute"]
    last: dict[tuple[str, str], Record] = {}
    at = 0
    for until in steps:
        upto = int(minutes.search_sorted(until))
        detection.finalise(stats[at:upto], until)
        at = upto
        records, _ = detection.take(0)
        for record in records.iter_rows(named=True):
            seen.setdefault(record["episode"], until)
            last[record["fingerprint"], record["episode"]] = record
    return last.values()


def _families(rules: Sequence[AnyRule]) -> list[list[AnyRule]]:
    """Return rules with those on their parts."""
    families: dict[str, list[AnyRule]] = {}
    for rule in rules:
        families.setdefault(getattr(rule, "part_of", None) or rule.id, []).append(rule)
    return list(families.values())


def _dimensions(family: Sequence[AnyRule]) -> set[str]:
    """Return what a family reads, and the dimension that tells when a feed spoke."""
    return {"all"}.union(*(dimensions_of_rule(rule) for rule in family))


def _steps(start_us: int, end_us: int, labels: Sequence[AttackLabel]) -> Iterator[int]:
    at = start_us - start_us % MINUTE
    near = sorted((label.start_us, label.end_us) for label in labels)
    while at < end_us:
        within = [start for start, end in near if start <= at < end + SLACK]
        coming = [start for start, _ in near if start > at]
        near_step = MINUTE if at < max(within, default=0) + CLOSELY else LATER
        step = near_step if within else FAR
        nearest = [start - start % MINUTE + MINUTE for start in coming[:1]]
        at = min([at + step, end_us, *nearest])
        yield at
