"""Detector: a count far above what is usual for this key at this hour of the week.

A window is flagged if its count reaches the floors and its upper tail under the negative binomial
of the key's level (``levels``) is at most the probability that the rule's budget of false alarms
allows (``alarm_budget``). Without ``cold_hours`` of a past a key is measured against the mean of
all keys and a higher floor, and the rule says nothing before it has as much history itself. After
Farrington et al., J. R. Stat. Soc. A 159 (1996) 547, and Noufaily et al., Stat. Med. 32 (2013)
1206: counts against a seasonal baseline that flagged periods are kept out of.
"""

import math
from collections.abc import Iterable

from pipeline.detect.count_scope import CountScope
from pipeline.detect.episodes import Episode, Peak
from pipeline.detect.rules.watching import CountBurstRule
from pipeline.detect.scope import Flag, Phrase
from pipeline.detect.watch_words import against, between, measured, strongest, where


class CountBurst(CountScope):
    """One count burst rule."""

    rule: CountBurstRule

    def __init__(self, rule: CountBurstRule) -> None:
        super().__init__(rule, trend=True)

    def least(self) -> int:
        """Return the share of the floor that every minute of a burst holds at least."""
        p = self.rule.parameters
        return math.ceil(min(p.min_count, p.cold_min_count) / self.width)

    def may_stand_out(self, minute: int) -> bool:
        """Return whether the rule is not too new to tell."""
        del minute
        return not self.is_new()

    def candidates(self, minute: int) -> Iterable[str]:
        """Return the keys to judge at a minute: none while the rule is new."""
        return super().candidates(minute) if self.may_stand_out(minute) else ()

    def judge(self, minute: int, key: str) -> Flag | None:
        """Return why a minute stands out; None if it does not."""
        p = self.rule.parameters
        if self.amount(minute, key) < self.least():
            return None
        count = self.count(self.window(minute), key)
        if count < min(p.min_count, p.cold_min_count) or self.is_new():
            return None
        least = p.cold_min_count if self.is_cold(minute, key) else p.min_count
        if count < least:
            return None
        usual = self.levels.expect(minute, key, self.width)
        if count < p.min_ratio * usual.mean:
            return None
        probability = self.budget.probability
        tail = usual.tail(count)
        if tail > probability:
            return None
        cut = usual.cut(probability, max(least, math.ceil(p.min_ratio * usual.mean)))
        excess = count - usual.mean
        peak = Peak(
            minute, self.width, self.rule.measure, count, usual.mean, cut, tail, weight=excess
        )
        return Flag(key, minute, self.first(minute, key), peak)

    def phrase(self, episode: Episode) -> Phrase:
        """Return an episode in words."""
        what = measured(self.rule.measure)
        total = episode.totals.get("count", 0)
        return Phrase(
            where(episode),
            f"{where(episode)} had {total:,.0f} {what} {between(episode)}. There were "
            f"{episode.peak.observed:,.0f} {strongest(episode)}, {against(episode)}.",
        )
