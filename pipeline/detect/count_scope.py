"""What detectors of counts share: a cell is a number, learned in levels with a season."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.detect.cell_runs import CellColumn, counted
from pipeline.detect.levels import LevelModel, Levels
from pipeline.detect.rules.watching import (
    AbsenceRule,
    ChangePointRule,
    CountBurstRule,
)
from pipeline.detect.scope import Scope
from pipeline.detect.signals import Rows, Signals

CountRule = CountBurstRule | ChangePointRule | AbsenceRule


class CountScope(Scope[int]):
    """Counts of one measure per key.

    Two feeds that describe the same requests are never added: the one that shows more counts.
    """

    rule: CountRule

    def __init__(self, rule: CountRule, *, block_min: int | None = None, trend: bool) -> None:
        super().__init__(rule)
        self.block = block_min or self.width
        self.levels = Levels(level_model(rule, self.block, trend=trend))

    def least(self) -> int:
        """Return the count of a minute that is worth a look."""
        return 1

    def read(self, signals: Signals, rows: Rows) -> tuple[CellColumn[int], npt.NDArray[np.bool_]]:
        """Return the counts, and which of them are worth a look."""
        counts = signals.counts(rows, self.rule.measure)
        return counted(counts), counts >= self.least()

    def learn(self, start: int, *, alive: bool, left_out: frozenset[str]) -> None:
        """Learn a block of final minutes."""
        counts = self.block_counts(range(start, start + self.block))
        self.levels.learn(start, counts, alive=alive, left_out=left_out)
        self.dirty |= self.levels.keys.changed
        self.levels.keys.changed.clear()

    def block_counts(self, minutes: Iterable[int]) -> Mapping[str, int]:
        """Return the count of every key in some minutes."""
        by_feed: dict[str, dict[str, int]] = {}
        for minute in minutes:
            for feed, cells in self.cells.at(minute).items():
                sums = by_feed.setdefault(feed, {})
                for key, count in cells.items():
                    sums[key] = sums.get(key, 0) + count
        counts: dict[str, int] = {}
        for sums in by_feed.values():
            for key, count in sums.items():
                if count > counts.get(key, 0):
                    counts[key] = count
        return counts

    def count(self, minutes: Sequence[int], key: str) -> int:
        """Return the count of a key in some minutes. About 0.1 µs a minute."""
        if len(self.feeds) > 1:
            by_feed = self.cells.of(minutes, key).values()
            return max((sum(count for _, count in cells) for cells in by_feed), default=0)
        cells, feed = self.cells.cells, self.feeds[0]
        return sum(cells(minute, feed).get(key, 0) for minute in minutes)

    def amount(self, minute: int, key: str) -> int:
        """Return the count of a key in a minute."""
        return self.count((minute,), key)

    def excess(self, minute: int, key: str) -> float:
        """Return how much more than usual the window that ends with a minute has of a key."""
        usual = self.levels.expect(minute, key, self.width)
        return self.count(self.window(minute), key) - usual.mean

    def first(self, minute: int, key: str) -> int:
        """Return the first minute of the window in which the key counted anything."""
        window = self.window(minute)
        return next((x for x in window if self.count((x,), key)), minute)

    def is_new(self) -> bool:
        """Return whether the rule itself has too little history to tell usual from unusual."""
        return self.levels.age < self.rule.parameters.cold_hours * 60

    def is_cold(self, minute: int, key: str) -> bool:
        """Return whether too little is known of a key, or of the hour."""
        cold_hours = self.rule.parameters.cold_hours
        return not self.levels.season.knows(minute) or self.levels.hours(key) < cold_hours

    def since(self, key: str) -> int | None:
        """Return the minute from which a key's history is known."""
        return self.levels.since(key)

    def learned_keys(self) -> Iterable[str]:
        """Return the keys that have a baseline."""
        return self.levels.keys

    def dump_key(self, key: str) -> Any:
        """Return the level of a key as a JSON value; None: forgotten."""
        return self.levels.dump_key(key)

    def load_key(self, key: str, state: Any) -> None:
        """Take back what ``dump_key`` gave."""
        self.levels.load_key(key, state)

    def dump_more(self) -> dict[str, Any]:
        """Return what is kept for all keys together."""
        return {"levels": self.levels.dump()}

    def load_more(self, state: dict[str, Any]) -> None:
        """Take back what ``dump_more`` gave."""
        self.levels.load(state["levels"])

    def resume(self, final: int) -> None:
        """Take the boundary of final minutes that was in force when states were written."""
        super().resume(final)
        self.levels.keys.resume()


def level_model(rule: CountRule, block_min: int, *, trend: bool) -> LevelModel:
    """Return what a rule assumes before anything was seen."""
    p = rule.parameters
    return LevelModel(
        block_min=block_min,
        prior_per_hour=p.prior_per_hour,
        prior_shape=p.prior_shape,
        dispersion=p.dispersion,
        clump=p.clump,
        half_life_min=p.half_life_min,
        forget_after_min=p.forget_after_min,
        max_keys=p.max_keys,
        seasonal=p.season == "hour_of_week",
        trend=trend,
        zone=rule.zone,
    )
