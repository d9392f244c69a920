"""When an alert is first seen, in event time: the same judgement, minute by minute."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import polars as pl

from bench.detection.scoring import SLACK
from bench.detection.stretch import standing
from pipeline.detect.detection import Detection
from pipeline.detect.rules import AnyRule
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.simulator.labels import AttackLabel

Record = dict[str, Any]

FAR: Final = 6 * HOUR
LATER: Final = 5 * MINUTE
CLOSELY: Final = 30 * MINUTE
"""Around an attack every minute is judged on its own, later every fifth, elsewhere hours."""


def by_the_minute(
    stats: pl.DataFrame, rules: Sequence[AnyRule], labels: Sequence[AttackLabel]
) -> tuple[list[Record], dict[str, int]]:
    """Judge final stats in steps; return the alerts, and when each episode was first seen (us)."""
    detection = Detection(rules)
    minutes = stats["minute"]
    seen: dict[str, int] = {}
    last: dict[tuple[str, str], Record] = {}
    first: Any = minutes.min()
    newest: Any = minutes.max()
    at = 0
    # As at the end of a replay: nothing within the gap of the newest row changes any more.
    for until in _steps(first, newest + 30 * MINUTE, labels):
        upto = int(minutes.search_sorted(until))
        detection.finalise(stats[at:upto], until)
        at = upto
        records, _ = detection.take(0)
        for record in records.iter_rows(named=True):
            seen.setdefault(record["episode"], until)
            last[record["fingerprint"], record["episode"]] = record
    return standing(last.values()), seen


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
