"""Drives a detection as the stage does: stats grow, minutes close, then become final."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import polars as pl

from pipeline.detect.detection import Detection
from pipeline.detect.rules import AnyRule, load_rule
from pipeline.domain.event_time import MINUTE
from tests.support.minute_stats import Row, frame

Stats = pl.DataFrame | Sequence[Row]

RULES = Path(__file__).parents[2] / "rules"
Window = tuple[str, str, int, int]


def shipped_rules() -> list[AnyRule]:
    """Return the rules of the repository."""
    return [load_rule(path.read_text(), path.name) for path in sorted(RULES.glob("*.yaml"))]


class DetectRun:
    """A detection under way, and everything it has published."""

    def __init__(self, rules: Sequence[AnyRule] | None = None) -> None:
        self.rules = shipped_rules() if rules is None else list(rules)
        self.detection = Detection(self.rules)
        self.version = 0
        self.published: list[dict[str, Any]] = []
        self.states: dict[tuple[str, str], dict[str, Any]] = {}
        self.open: pl.DataFrame = frame([])

    def observe(self, rows: Stats) -> None:
        """Restate minutes that are not final."""
        self.open = pl.concat([self.open, _frame(rows)])
        self.detection.observe(_frame(rows))

    def close(self, through: dict[str, int], rows: Stats = ()) -> None:
        """Close minutes up to ``through`` (minutes)."""
        if len(rows):
            self.observe(rows)
        micros: Any = {feed: minute * MINUTE for feed, minute in through.items()}
        self.detection.close(micros)

    def finalise(self, rows: Stats, through: int) -> None:
        """Make minutes final up to ``through``."""
        self.detection.finalise(_frame(rows).sort("minute"), through * MINUTE)
        self.open = self.open.filter(pl.col("minute") >= through * MINUTE)

    def after(self, rows: Stats, through: int) -> Self:
        """Make minutes final, take what changed, and return the run."""
        self.finalise(rows, through)
        self.take()
        return self

    def take(self) -> list[dict[str, Any]]:
        """Take what changed; return the anomalies."""
        self.version += 1
        anomalies, states = self.detection.take(self.version)
        for state in states.to_dicts():
            self.states[(state["detector"], state["key"])] = state
        records = anomalies.to_dicts()
        self.published += records
        return records

    def reload(self, rules: Sequence[AnyRule]) -> None:
        """Go on with other rules, as the stage does."""
        self.rules = list(rules)
        self.detection.replace(rules)
        self.detection.observe(self._not_final())

    def restarted(self) -> "DetectRun":
        """Return a run that was restored from the states and the stats that are not final."""
        other = DetectRun(self.rules)
        other.version, other.published = self.version, list(self.published)
        other.states, other.open = dict(self.states), self.open
        other.detection.restore(list(self.states.values()))
        other.detection.observe(self._not_final())
        return other

    def _not_final(self) -> pl.DataFrame:
        identity = ["feed", "minute", "dimension", "key"]
        return self.open.unique(identity, keep="last", maintain_order=True)

    def latest(self) -> list[dict[str, Any]]:
        """Return the last record of every alert that was not retracted, oldest first."""
        last = {(r["fingerprint"], r["episode"]): r for r in self.published}
        kept = [record for record in last.values() if record["status"] != "retracted"]
        return sorted(kept, key=lambda r: (r["window_start"], r["rule"], r["key"]))

    def windows(self) -> list[Window]:
        """Return rule, key and window (minutes) of every alert that was not retracted."""
        return [
            (r["rule"], r["key"], r["window_start"] // MINUTE, r["window_end"] // MINUTE)
            for r in self.latest()
        ]


def _frame(rows: Stats) -> pl.DataFrame:
    return rows if isinstance(rows, pl.DataFrame) else frame(rows)


def final_run(stats: pl.DataFrame, rules: Sequence[AnyRule] | None = None) -> DetectRun:
    """Return a run over final stats alone."""
    run = DetectRun(rules)
    newest: Any = stats["minute"].max()
    run.detection.finalise(stats, newest + 24 * 60 * MINUTE)
    run.take()
    return run
