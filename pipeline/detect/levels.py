"""How much of something is usual for each key at an hour: level, trend and season.

Counts of a block of minutes are Poisson around a rate with a Gamma distribution whose evidence
fades (Poisson-Gamma model with discount: West & Harrison, Bayesian Forecasting and Dynamic Models,
2nd ed. 1997, sections 8.8 and 10.8). A rate is per *exposure*: blocks in which the feed was alive,
weighted by the season. Silent blocks cost nothing: a clock of faded exposure runs for all keys, and
a key that comes back takes what has passed on it. A key without a past of its own is expected at
the mean of all keys; a flagged minute is not learned, so that an attack never becomes usual.

Memory: about 350 bytes a key (``python -m bench.detector_memory``), 2.7 KB more for one with its
own season; at most ``max_keys`` keys, the one that was silent longest goes first.
"""

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pipeline.detect.bounded_keys import BoundedKeys
from pipeline.detect.count_tail import Expectation
from pipeline.detect.season import HOUR_MIN, WEEK_HOURS, WEEK_MIN, Season
from pipeline.detect.share_baseline import ShareBaseline, ShareModel

POPULATION_BLOCKS: Final = 20.0
"""Exposure that the rule's prior rate counts for against the mean of all keys."""

RECENT: Final = 8.0
"""The recent level fades so many times as fast as the level; their ratio is the trend."""

TREND_WEIGHT: Final = 20.0
"""Expected counts that no trend counts for."""

MOST_TREND: Final = 2.0
"""A level that more than doubled is a finding, not a trend."""

OWN_EVENTS: Final = 1000.0
"""Counts from which a key has a season of its own."""

OWN_WEIGHT: Final = 30.0
"""Expected counts that the season of all keys counts for."""


class LevelModel(NamedTuple):
    """What is assumed before anything was seen; ``block_min``: what is learned at once."""

    block_min: int
    prior_per_hour: float
    prior_shape: float
    dispersion: float
    clump: float
    half_life_min: float
    forget_after_min: int
    max_keys: int
    seasonal: bool
    trend: bool
    zone: str = "UTC"


@dataclass(slots=True)
class Level(ShareBaseline):
    """One key; ``requests`` of the base class is exposure, ``errors`` what was counted.

    ``mark``: the clock when it was learned last; ``own``: observed and expected counts per hour
    of the week, one after the other.
    """

    mark: float = 0.0
    recent_exposure: float = 0.0
    recent_count: float = 0.0
    since: int = 0
    own: "array[float] | None" = None

    def adjustment(self, hour: int) -> float:
        """Return the key's own season over that of all keys at an hour of the week."""
        if self.own is None:
            return 1.0
        return (self.own[hour] + OWN_WEIGHT) / (self.own[WEEK_HOURS + hour] + OWN_WEIGHT)

    def trend(self, usual: float) -> float:
        """Return how the recent level stands to the ``usual`` rate, at least 1."""
        expected = usual * self.recent_exposure
        ratio = (self.recent_count + TREND_WEIGHT) / (expected + TREND_WEIGHT)
        return min(MOST_TREND, max(1.0, ratio))

    def dump(self) -> list[Any]:
        """Return the state as JSON values."""
        sums = [self.requests, self.errors, self.scatter, self.scatter_weight, self.at]
        more = [self.mark, self.recent_exposure, self.recent_count, self.since]
        return [*sums, *more, None if self.own is None else self.own.tolist()]

    @classmethod
    def load(cls, state: list[Any]) -> "Level":
        """Take back what ``dump`` gave."""
        *sums, own = state
        level = cls(*sums)
        level.own = None if own is None else array("d", own)
        return level


class Levels:
    """The levels of all keys of one rule, oldest first."""

    def __init__(self, model: LevelModel) -> None:
        self._m = model
        self._prior = model.prior_per_hour * model.block_min / HOUR_MIN
        self.keys: BoundedKeys[Level] = BoundedKeys(model.max_keys, model.forget_after_min)
        self.season = Season(
            model.half_life_min, model.block_min, on=model.seasonal, zone=model.zone
        )
        self._clock = 0.0
        self._at = 0
        self._began: int | None = None
        self._crowd = [0.0, 0.0]
        self._model = self._renewed()

    # -- learning

    def learn(
        self, start: int, counts: Mapping[str, int], *, alive: bool, left_out: frozenset[str]
    ) -> None:
        """Learn a block of minutes that begins at ``start``; blocks come in order.

        A block in which the feed was not ``alive`` says nothing. Keys ``left_out`` were flagged.
        """
        end = start + self._m.block_min
        fade = self._fade(self._at, end)
        self._clock *= fade
        self._crowd = [one * fade for one in self._crowd]
        self._at = end
        if not alive:
            self._model = self._renewed()
            return
        if self._began is None:
            self._began = start
        factor = self.season.factor(start)
        self._clock += factor
        total = 0
        for key in sorted(counts):
            if key not in left_out:
                total += counts[key]
                self._learn_key(key, start, counts[key], factor)
        for key in left_out:
            # It is left out of the key's exposure too, as if the clock had stood still.
            level = self.keys.get(key)
            if level is not None:
                level.mark += factor / self._fade(level.at, end)
                self.keys.changed.add(key)
        if not left_out:
            self.season.learn(start, total)
        self._model = self._renewed()
        self.keys.evict(end)

    def _learn_key(self, key: str, start: int, count: int, factor: float) -> None:
        end = self._at
        level = self.keys.get(key) or Level(at=end, mark=self._clock - factor, since=start)
        idle = max(0.0, self._passed(level) - factor)
        usual = level.expect(end, 1.0, self._model, idle).mean
        if level.errors > OWN_EVENTS and self._m.seasonal and self.season.knows_well(start):
            self._learn_season(level, start, count, usual * factor)
        quick = self._fade(level.at, end) ** RECENT if level.requests else 0.0
        # Faded as if it had all been silence before: the clock knows the long half-life only.
        level.recent_exposure = level.recent_exposure * quick + factor
        level.recent_count = level.recent_count * quick + count
        level.learn(end, factor, count, self._model, idle)
        level.mark = self._clock
        self._crowd[0] += count
        self._crowd[1] += factor + idle
        self.keys.renew(key, level)

    def _learn_season(self, level: Level, start: int, count: int, expected: float) -> None:
        if level.own is None:
            level.own = array("d", bytes(2 * WEEK_HOURS * 8))
        hour = self.season.hour(start)
        keep = math.exp2(-WEEK_MIN / self._m.half_life_min * self._m.block_min / HOUR_MIN)
        level.own[hour] = level.own[hour] * keep + count
        level.own[WEEK_HOURS + hour] = level.own[WEEK_HOURS + hour] * keep + expected

    # -- what is usual

    def expect(self, minute: int, key: str, minutes: int, *, quieter: bool = False) -> Expectation:
        """Return what ``minutes`` minutes that end with this one usually bring.

        At a turn of the hour the busier one counts, or the ``quieter``: a ramp is no burst, and
        an evening no silence.
        """
        choose = min if quieter else max
        busiest = choose((minute, minute + 1 - minutes), key=self.season.factor)
        blocks = self.season.factor(busiest) * minutes / self._m.block_min
        level = self.keys.get(key)
        if level is None:
            return Level().expect(self._at, blocks, self._model)
        found = level.expect(self._at, blocks, self._model, self._passed(level))
        more = level.adjustment(self.season.hour(busiest))
        if self._m.trend:
            more *= level.trend(found.mean / blocks)
        return Expectation(found.mean * more, found.shape, found.clump)

    @property
    def age(self) -> int:
        """Return how many minutes of history there are at all."""
        return 0 if self._began is None else self._at - self._began

    def hours(self, key: str) -> float:
        """Return how many hours of history, weighted by the season, a key stands on."""
        level = self.keys.get(key)
        if level is None:
            return 0.0
        blocks = level.evidence(self._at, self._model, self._passed(level))
        return blocks * self._m.block_min / HOUR_MIN

    def since(self, key: str) -> int | None:
        """Return the minute from which a key is known."""
        level = self.keys.get(key)
        return None if level is None else level.since

    def _passed(self, level: Level) -> float:
        """Return the exposure since a key was learned last, faded to now."""
        return max(0.0, self._clock - level.mark * self._fade(level.at, self._at))

    def _renewed(self) -> ShareModel:
        count, exposure = self._crowd
        rate = (count + self._prior * POPULATION_BLOCKS) / (exposure + POPULATION_BLOCKS)
        m = self._m
        return ShareModel(rate, m.prior_shape, m.dispersion, m.half_life_min, m.clump)

    def _fade(self, since: int, minute: int) -> float:
        return math.exp2((since - minute) / self._m.half_life_min)

    # -- snapshot and restore

    def dump(self) -> dict[str, Any]:
        """Return what is kept for all keys together, as JSON values."""
        sums = [self._clock, self._at, *self._crowd]
        return {"clock": sums, "season": self.season.dump(), "began": self._began}

    def load(self, state: dict[str, Any]) -> None:
        """Take back what ``dump`` gave."""
        self._clock, self._at, *self._crowd = state["clock"]
        self.season.load(state["season"])
        self._began = state["began"]
        self._model = self._renewed()

    def dump_key(self, key: str) -> list[Any] | None:
        """Return the state of a key as JSON values; None: forgotten."""
        level = self.keys.get(key)
        return None if level is None else level.dump()

    def load_key(self, key: str, state: list[Any]) -> None:
        """Take back what ``dump_key`` gave."""
        self.keys.restore(key, Level.load(state))
