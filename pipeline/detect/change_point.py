"""Detector: a count that crept up by a step too small for a burst, and stays up.

One-sided CUSUM of log likelihood ratios (Page, Biometrika 41 (1954) 100; for counts Lucas,
Technometrics 27 (1985) 129) on the sums of blocks: how much better ``min_ratio`` times the usual
level explains them than the usual level, since the block from which it does so best. Counts that
scatter more than Poisson weigh less (quasi-likelihood), and no single block may weigh much, so that
a burst is no creep. A sum reaches h by accident with a probability of at most exp(-h) a block
(Lorden, Ann. Math. Stat. 42 (1971) 1897), which the rule's budget of false alarms sets. Blocks are
judged when they are final; a creep is not learned while it is reported.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pipeline.detect.count_scope import CountScope
from pipeline.detect.episodes import Episode, Peak
from pipeline.detect.rules.watching import ChangePointRule
from pipeline.detect.scope import Flag, Phrase
from pipeline.detect.watch_words import against, between, measured, where

HOLD: Final = 0.5
"""Share of the cut from which a key is not learned: half a creep is no new level yet."""

MOST_BLOCK: Final = 0.25
"""Share of the cut that one block may weigh: it takes four at least."""


@dataclass(slots=True)
class Creep:
    """The CUSUM of a key: its height, and what was counted and usual since it left 0."""

    height: float = 0.0
    since: int = 0
    count: float = 0.0
    usual: float = 0.0


class ChangePoint(CountScope):
    """One change point rule."""

    rule: ChangePointRule
    grows = False

    def __init__(self, rule: ChangePointRule) -> None:
        super().__init__(rule, trend=False)
        self._creeps: dict[str, Creep] = {}
        self._judged_block = -1

    def least(self) -> int:
        """Return more than any count: blocks are judged, not minutes."""
        return 1 << 62

    def ticks(self, since: int, through: int) -> Iterable[int]:
        """Return the last minute of every block of final minutes."""
        return self.grid(since, through, self.block)

    def suspects(self, closed: int) -> list[int]:
        """Return nothing: only final blocks are judged."""
        del closed
        self.cells.take_changed()
        return []

    def begin_final(self, minute: int) -> None:
        """Make this the newest final minute; at the end of a block, take it into the sums."""
        super().begin_final(minute)
        if (minute + 1) % self.block == 0 and minute > self._judged_block:
            self._judged_block = minute
            self._sum_up(minute)

    def _sum_up(self, minute: int) -> None:
        start = minute + 1 - self.block
        # A block in which the feed was silent throughout says nothing of its keys.
        if self._spoken.isdisjoint(range(start, minute + 1)):
            return
        counts = self.block_counts(range(start, minute + 1))
        for key in sorted({*counts, *self._creeps}):
            if self.is_cold(minute, key):
                self._creeps.pop(key, None)
                continue
            creep = self._creeps.get(key) or Creep(since=start)
            if self._step(creep, minute, key, counts.get(key, 0)):
                self._creeps[key] = creep
            else:
                self._creeps.pop(key, None)
            self.dirty.add(key)

    def _step(self, creep: Creep, minute: int, key: str, count: int) -> bool:
        """Add a block to a sum; return whether it is above 0."""
        ratio, cut = self.rule.parameters.min_ratio, self._cut()
        usual = self.levels.expect(minute, key, self.block)
        scatter = usual.clump + usual.mean / usual.shape
        gain = (count * math.log(ratio) - usual.mean * (ratio - 1)) / scatter
        creep.height += min(gain, MOST_BLOCK * cut)
        # Not far above the cut, so that it comes down when the level does.
        creep.height = min(creep.height, 2 * cut)
        creep.count += count
        creep.usual += usual.mean
        return creep.height > 0

    def _cut(self) -> float:
        return -math.log(self.budget.probability)

    def candidates(self, minute: int) -> Iterable[str]:
        """Return the keys whose sum has reached the cut, at the end of a block."""
        if (minute + 1) % self.block:
            return ()
        cut = self._cut()
        return [key for key, creep in self._creeps.items() if creep.height >= cut]

    def judge(self, minute: int, key: str) -> Flag | None:
        """Return why a key stands out; None if it counts too little."""
        creep, p = self._creeps[key], self.rule.parameters
        if creep.count < p.min_count:
            return None
        chance, width = math.exp(-creep.height), minute + 1 - creep.since
        threshold = p.min_ratio * creep.usual
        peak = Peak(
            minute,
            width,
            self.rule.measure,
            creep.count,
            creep.usual,
            threshold,
            chance,
            weight=creep.height,
        )
        return Flag(key, minute, minute + 1 - self.block, peak)

    def learn(self, start: int, *, alive: bool, left_out: frozenset[str]) -> None:
        """Learn a block, but not of keys that seem to creep."""
        hold = HOLD * self._cut()
        creeping = {key for key, creep in self._creeps.items() if hold <= creep.height}
        adapt_after = self.rule.parameters.adapt_after_min
        creeping = {key for key in creeping if start - self._creeps[key].since < adapt_after}
        super().learn(start, alive=alive, left_out=left_out | creeping)

    def phrase(self, episode: Episode) -> Phrase:
        """Return an episode in words."""
        peak = episode.peak
        return Phrase(
            where(episode),
            f"{where(episode)} has a higher level of {measured(self.rule.measure)} "
            f"{between(episode)}: {peak.observed:,.0f} in {peak.window_min / 60:,.0f} hours "
            f"{against(episode)}.",
        )

    # -- snapshot and restore

    def learned_keys(self) -> Iterable[str]:
        """Return the keys that have a baseline."""
        return {*self.levels.keys, *self._creeps}

    def dump_key(self, key: str) -> Any:
        """Return level and sum of a key as a JSON value; None: forgotten."""
        level, creep = self.levels.dump_key(key), self._creeps.get(key)
        if creep is None:
            return None if level is None else [level, None]
        return [level, [creep.height, creep.since, creep.count, creep.usual]]

    def load_key(self, key: str, state: Any) -> None:
        """Take back what ``dump_key`` gave."""
        level, creep = state
        if level is not None:
            self.levels.load_key(key, level)
        if creep is not None:
            self._creeps[key] = Creep(*creep)

    def dump_more(self) -> dict[str, Any]:
        """Return what is kept for all keys together."""
        return {**super().dump_more(), "judged": self._judged_block}

    def load_more(self, state: dict[str, Any]) -> None:
        """Take back what ``dump_more`` gave."""
        super().load_more(state)
        self._judged_block = state["judged"]
