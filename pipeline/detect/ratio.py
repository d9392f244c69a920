"""Detector: a share far above what is usual for this key (errors of requests, writes of rows, …).

The share of a key is learned block by block (``share_baseline``), of all keys together for one
without a past; a window's count is beta-binomial given its trials (``count_tail``; Skellam,
J. R. Stat. Soc. B 10 (1948) 257), so that a busy hour is no alarm and two of three are none
either. A share of an unfinished minute means little: only closed minutes are judged.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipeline.detect.bounded_keys import BoundedKeys
from pipeline.detect.cell_runs import CellColumn, counted
from pipeline.detect.count_tail import ShareExpectation
from pipeline.detect.episodes import Episode, Peak
from pipeline.detect.rules.watching import RatioRule
from pipeline.detect.scope import Flag, Phrase, Scope
from pipeline.detect.share_baseline import ShareBaseline, ShareModel
from pipeline.detect.signals import Rows, Signals
from pipeline.detect.watch_words import against, between, measured, strongest, where
from pipeline.domain.feeds import Feed

BITS: Final = 31
_LOW: Final = (1 << BITS) - 1
Packed = int
"""Trials above, counts in the lower ``BITS`` bits: an integer costs the collector nothing."""

CROWD_WEIGHT: Final = 200.0
"""Trials that the rule's prior share counts for against the share of all keys."""

MOST_SHARE: Final = 0.999


@dataclass(slots=True)
class KnownShare(ShareBaseline):
    """The share of a key; ``since`` is the first minute that was learned, 0: not known."""

    since: int = 0


class Ratio(Scope[Packed]):
    """One ratio rule."""

    rule: RatioRule
    grows = False

    def __init__(self, rule: RatioRule) -> None:
        super().__init__(rule)
        p = rule.parameters
        self._keys: BoundedKeys[KnownShare] = BoundedKeys(p.max_keys, p.forget_after_min)
        self._crowd = ShareBaseline()
        self._prior = self._model(p.prior_share)

    def _model(self, share: float) -> ShareModel:
        p = self.rule.parameters
        return ShareModel(share, p.prior_shape, p.dispersion, p.half_life_min, p.clump)

    def read(self, signals: Signals, rows: Rows) -> tuple[CellColumn[int], npt.NDArray[np.bool_]]:
        """Return packed counts, and which rows are worth a look."""
        trials = signals.counts(rows, self.rule.of)
        counts = np.minimum(signals.counts(rows, self.rule.measure), trials)
        hot = (counts > 0) & (counts >= self.rule.parameters.min_share * trials)
        return counted((trials << BITS) | counts), hot

    def window_counts(self, minutes: Sequence[int], key: str) -> tuple[int, int]:
        """Return trials and counts of a key in some minutes, of the feed with most trials."""
        return _added(self.cells.of(minutes, key))

    def amount(self, minute: int, key: str) -> int:
        """Return the count of a key in a minute."""
        return self.window_counts((minute,), key)[1]

    def tell(self, episode: Episode, minute: int, key: str) -> None:
        """Add trials and counts of a minute to an episode."""
        trials, count = self.window_counts((minute,), key)
        episode.total("trials", trials)
        episode.total("count", count)

    def excess(self, minute: int, key: str) -> float:
        """Return how much more than usual the window that ends with a minute has of a key."""
        trials, count = self.window_counts(self.window(minute), key)
        return count - self._expect(key, trials).mean

    def judge(self, minute: int, key: str) -> Flag | None:
        """Return why a minute stands out; None if it does not."""
        p = self.rule.parameters
        now_trials, now = self.window_counts((minute,), key)
        if not now or now < p.min_share * now_trials:
            return None
        trials, count = self.window_counts(self.window(minute), key)
        if trials < p.min_trials or count < p.min_count or count < p.min_share * trials:
            return None
        usual = self._expect(key, trials)
        if count < p.min_ratio * usual.mean:
            return None
        probability = self.budget.probability
        tail = usual.tail(count)
        if tail > probability:
            return None
        floor = max(p.min_count, p.min_share * trials, p.min_ratio * usual.mean)
        cut = usual.cut(probability, math.ceil(floor))
        kind, excess = self.rule.measure, count - usual.mean
        peak = Peak(minute, self.width, kind, count, usual.mean, cut, tail, weight=excess)
        window = self.window(minute)
        first = next((x for x in window if self.amount(x, key)), minute)
        return Flag(key, minute, first, peak)

    def _expect(self, key: str, trials: int) -> ShareExpectation:
        learned = self._learned or 0
        known = self._keys.get(key) or ShareBaseline()
        usual = known.expect(max(learned, known.at), 1.0, self._crowd_model(learned))
        return ShareExpectation(trials, min(MOST_SHARE, usual.mean), usual.shape, usual.clump)

    def _crowd_model(self, minute: int) -> ShareModel:
        crowd = self._crowd
        fade = math.exp2((crowd.at - minute) / self.rule.parameters.half_life_min)
        counts = crowd.errors * fade + self.rule.parameters.prior_share * CROWD_WEIGHT
        return self._model(min(MOST_SHARE, counts / (crowd.requests * fade + CROWD_WEIGHT)))

    def learn(self, start: int, *, alive: bool, left_out: frozenset[str]) -> None:
        """Learn a block of final minutes."""
        del alive  # a share needs trials: a feed that was silent brought none
        end = start + self.block
        model, trials, counts = self._crowd_model(start), 0, 0
        for key, by_feed in sorted(self.cells.gathered(range(start, end)).items()):
            own_trials, own = _added(by_feed)
            if key in left_out or not own_trials:
                continue
            known = self._keys.get(key) or KnownShare(since=start)
            known.learn(end, own_trials, own, model)
            self._keys.renew(key, known)
            # One busy key must not be everybody's normal.
            trials, counts = trials + min(own_trials, 100), counts + min(own, 100)
        if trials:
            self._crowd.learn(end, trials, min(trials, counts), self._prior)
        self._keys.evict(end)
        self.dirty |= self._keys.changed
        self._keys.changed.clear()

    def phrase(self, episode: Episode) -> Phrase:
        """Return an episode in words."""
        count, trials = episode.totals.get("count", 0), episode.totals.get("trials", 0)
        return Phrase(
            where(episode),
            f"{count:,.0f} of {trials:,.0f} {measured(self.rule.of)} "
            f"({count / max(trials, 1):.1%}) of {where(episode)} {between(episode)} were "
            f"{measured(self.rule.measure)}. There were {episode.peak.observed:,.0f} "
            f"{strongest(episode)}, {against(episode)}.",
        )

    # -- snapshot and restore

    def since(self, key: str) -> int | None:
        """Return the minute from which a key's history is known."""
        known = self._keys.get(key)
        return known.since or None if known else None

    def learned_keys(self) -> Iterable[str]:
        """Return the keys that have a baseline."""
        return self._keys

    def dump_key(self, key: str) -> Any:
        """Return the baseline of a key as a JSON value; None: forgotten."""
        known = self._keys.get(key)
        return None if known is None else [*_sums(known), known.since]

    def load_key(self, key: str, state: Any) -> None:
        """Take back what ``dump_key`` gave."""
        self._keys.restore(key, KnownShare(*state))

    def dump_more(self) -> dict[str, Any]:
        """Return what is kept for all keys together."""
        return {"crowd": _sums(self._crowd)}

    def load_more(self, state: dict[str, Any]) -> None:
        """Take back what ``dump_more`` gave."""
        self._crowd = ShareBaseline(*state["crowd"])

    def resume(self, final: int) -> None:
        """Take the boundary of final minutes that was in force when states were written."""
        super().resume(final)
        self._keys.resume()


def _added(by_feed: Mapping[Feed, Sequence[tuple[int, Packed]]]) -> tuple[int, int]:
    """Return trials and counts of a key, of the feed with most trials."""
    sums = [
        (sum(cell >> BITS for _, cell in cells), sum(cell & _LOW for _, cell in cells))
        for cells in by_feed.values()
    ]
    return max(sums, default=(0, 0))


def _sums(known: ShareBaseline) -> list[float]:
    return [known.requests, known.errors, known.scatter, known.scatter_weight, known.at]
