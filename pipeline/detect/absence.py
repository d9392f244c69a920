"""Detector: a feed, or a class of its events, that stopped or all but stopped.

At every quarter of a window, for each key of which ``min_expected`` is usual in the window that
ends there: the lower tail of the negative binomial; of nothing, the zero probability
((1 + mean/shape)^-shape; exp(-mean) as shape → ∞; NIST DLMF 8.17.5). Only closed minutes are
judged, so a feed that is late is not silent: its watermark has not passed. A silence is not
learned.
"""

from collections.abc import Iterable

from pipeline.detect.count_scope import CountScope
from pipeline.detect.episodes import Episode, Peak
from pipeline.detect.rules.watching import AbsenceRule
from pipeline.detect.scope import Flag, Phrase
from pipeline.detect.watch_words import against, between, measured, strongest, where
from pipeline.domain.feeds import Feed


class Absence(CountScope):
    """One absence rule."""

    rule: AbsenceRule
    grows = False

    def __init__(self, rule: AbsenceRule) -> None:
        self._step = max(1, rule.parameters.window_min // 4)
        super().__init__(rule, block_min=self._step, trend=False)

    def least(self) -> int:
        """Return more than any count: what came is no sign of what did not."""
        return 1 << 62

    def ticks(self, since: int, through: int) -> Iterable[int]:
        """Return the last minute of every quarter of a window."""
        return self.grid(since, through, self._step)

    def candidates(self, minute: int) -> Iterable[str]:
        """Return the keys of which enough is expected."""
        if (minute + 1) % self._step or not self.levels.season.knows(minute):
            return ()
        least = self.rule.parameters.min_expected
        return [
            key
            for key in self.levels.keys
            if self.levels.expect(minute, key, self.width, quieter=True).mean >= least
        ]

    def judge(self, minute: int, key: str) -> Flag | None:
        """Return why a window has too little; None if it has not."""
        p = self.rule.parameters
        count = self.count(self.window(minute), key)
        usual = self.levels.expect(minute, key, self.width, quieter=True)
        if count > p.max_share * usual.mean or self.is_cold(minute, key):
            return None
        tail = usual.lower_tail(count)
        if tail > self.budget.probability:
            return None
        floor = int(p.max_share * usual.mean)
        weight = usual.mean - count
        peak = Peak(
            minute, self.width, self.rule.measure, count, usual.mean, floor, tail, weight=weight
        )
        return Flag(key, minute, minute + 1 - self.width, peak)

    def feeds_of(self, minutes: range, key: str) -> Iterable[Feed]:
        """Return the feed of the rule: it shows nothing."""
        del minutes, key
        return self.feeds

    def learn(self, start: int, *, alive: bool, left_out: frozenset[str]) -> None:
        """Learn a block; silence that was not flagged is as good as any other count."""
        del alive
        super().learn(start, alive=True, left_out=left_out)

    def phrase(self, episode: Episode) -> Phrase:
        """Return an episode in words."""
        what, feed = measured(self.rule.measure), self.feeds[0].replace("_", " ")
        total = episode.totals.get("count", 0)
        return Phrase(
            f"{where(episode)} in {feed}",
            f"{where(episode)} had {total:,.0f} {what} in {feed} {between(episode)}: "
            f"{episode.peak.observed:,.0f} {strongest(episode)}, {against(episode)}.",
        )
