"""Detector: one key meets unusually many distinct members within a window.

Accounts per address, addresses per account, courses per person, networks per token. What is usual
is learned per spell (aligned window in which the key had members at all): the key's own mean leans
on that of all keys, that on the rule's prior (``help_baseline``: shrinkage of a Gamma mean, Efron &
Morris 1975), and the number of a window is negative binomial around it. Members only grow, so an
open minute fires at once. With ``baseline: none`` the floors alone count: for keys that live for an
hour, of which nothing usual can be known; then nothing is learned and no chance is told.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.detect.bounded_keys import BoundedKeys
from pipeline.detect.cell_runs import CellColumn, Put
from pipeline.detect.episodes import Episode, Peak
from pipeline.detect.help_baseline import FadingMean, HelpModel, expect
from pipeline.detect.rules.watching import FanOutRule
from pipeline.detect.scope import Flag, Phrase, Scope
from pipeline.detect.signals import Rows, Signals
from pipeline.detect.texts import TextLists
from pipeline.detect.watch_words import against, between, strongest, where
from pipeline.detect.window_screens import WindowScreen, counted_at, counted_of
from pipeline.domain.feeds import Feed


class Met(NamedTuple):
    """Rows and members of a minute; ``distinct`` counts members beyond those that are listed."""

    rows: int
    distinct: int
    members: tuple[str, ...]


@dataclass(slots=True)
class KnownMean(FadingMean):
    """The members of a key's spells; ``since`` is the first minute learned, 0: not known."""

    since: int = 0


class FanOut(Scope[Met]):
    """One fan-out rule."""

    rule: FanOutRule

    def __init__(self, rule: FanOutRule) -> None:
        super().__init__(rule)
        p = rule.parameters
        self._keys: BoundedKeys[KnownMean] = BoundedKeys(p.max_keys, p.forget_after_min)
        self._crowd = FadingMean()
        self._since: int | None = None
        self._screen = WindowScreen(self.width, p.min_members)
        self._model = HelpModel(
            p.prior_members, p.prior_weight, p.population_weight, p.dispersion, p.half_life_min
        )

    def read(self, signals: Signals, rows: Rows) -> tuple[CellColumn[Met], npt.NDArray[np.bool_]]:
        """Return what every row met; those with the share of the floor are worth a look."""
        distinct = signals.counts(rows, "members")
        counts = signals.counts(rows, "rows")
        cells = CellColumn(_met, counts, distinct, lists=signals.lists(rows, "members"))
        p = self.rule.parameters
        return cells, distinct >= math.ceil(p.min_members / self.width)

    def _take(self, signals: Signals, put: Put[Met]) -> None:
        super()._take(signals, put)
        rows = signals.rows(self.rule, self.rule.dimension, self.feeds)
        if not len(rows):
            return
        distinct = signals.counts(rows, "members")
        ones = signals.lists(rows, "members").alone(distinct)
        self._screen.add(counted_of(signals, rows, self.feeds, distinct, ones).since(self.final))

    def load_cell(self, cell: Any) -> Met:
        """Return a cell that JSON has carried."""
        rows, distinct, members = cell
        return Met(rows, distinct, tuple(members))

    def load_minute(self, minute: int, state: dict[str, Any]) -> None:
        """Take back what ``take_minutes`` gave."""
        super().load_minute(minute, state)
        for feed, cells in self.cells.at(minute).items():
            distinct = np.array([one.distinct for one in cells.values()], np.int64)
            members = pl.Series([one.members for one in cells.values()], dtype=pl.List(pl.String))
            ones = TextLists.of(members).alone(distinct)
            moment = minute * len(self.feeds) + self.feeds.index(feed)
            self._screen.add(counted_at(minute, moment, list(cells), distinct, ones))

    def end_final(self, through: int) -> None:
        """Learn what is due and forget what no judgement asks for any more."""
        super().end_final(through)
        self._screen.drop(self.final)

    def together(self, minutes: Sequence[int], key: str) -> Met:
        """Return the members of both feeds united, and the rows of the feed that shows more."""
        rows, distinct, members = _united(self.cells.of(minutes, key))
        return Met(rows, distinct, tuple(sorted(members)))

    def may_stand_out(self, minute: int) -> bool:
        """Return whether any key may have met enough, and the rule does not only learn."""
        return bool(self._screen.near(minute)) and not self._is_learning(minute)

    def candidates(self, minute: int) -> Iterable[str]:
        """Return the keys to judge at a minute."""
        if not self.may_stand_out(minute):
            return ()
        wide = self._screen.near(minute)
        return [key for key in super().candidates(minute) if key in wide]

    def _is_learning(self, minute: int) -> bool:
        least = self.rule.parameters.learning_min
        return bool(least) and (self._since is None or minute - self._since < least)

    def judge(self, minute: int, key: str) -> Flag | None:
        """Return why a minute stands out; None if it does not."""
        p, window = self.rule.parameters, self.window(minute)
        by_feed = self.cells.of(window, key)
        most = 0
        for cells in by_feed.values():
            for _, cell in cells:
                most += cell.distinct
        if most < p.min_members or self._is_learning(minute):
            return None
        rows, distinct, _ = _united(by_feed)
        if distinct < p.min_members or rows < p.min_rows:
            return None
        first = min(cells[0][0] for cells in by_feed.values())
        if p.baseline == "none":
            floor, weight = p.min_members, float(distinct)
            peak = Peak(minute, self.width, "members", distinct, 0.0, floor, None, weight=weight)
            return Flag(key, minute, first, peak)
        usual = expect(self._keys.get(key) or FadingMean(), self._crowd, self._at, self._model)
        if distinct < p.min_ratio * usual.mean:
            return None
        probability = self.budget.probability
        tail = usual.tail(distinct)
        if tail > probability:
            return None
        cut = usual.cut(probability, max(p.min_members, math.ceil(p.min_ratio * usual.mean)))
        excess = distinct - usual.mean
        peak = Peak(minute, self.width, "members", distinct, usual.mean, cut, tail, weight=excess)
        return Flag(key, minute, first, peak)

    def begin_final(self, minute: int) -> None:
        """Make this the newest final minute; the first of all is when the rule begins to learn."""
        if self._since is None:
            self._since = minute
            self._judged.clear()
        super().begin_final(minute)

    @property
    def _at(self) -> int:
        return max(self._learned or 0, self._crowd.at)

    def learn(self, start: int, *, alive: bool, left_out: frozenset[str]) -> None:
        """Learn the spells of a block of final minutes."""
        del alive  # a spell has rows: of a silent feed there is none
        end, p = start + self.block, self.rule.parameters
        if p.baseline == "none":
            return
        for key, by_feed in sorted(self.cells.gathered(range(start, end)).items()):
            if key in left_out:
                continue
            _, distinct, _ = _united(by_feed)
            known = self._keys.get(key) or KnownMean(since=start)
            known.learn(end, distinct, p.half_life_min)
            self._keys.renew(key, known)
            # One proxy that meets thousands must not become everybody's normal.
            self._crowd.learn(end, min(distinct, p.min_members), p.half_life_min)
        self._keys.evict(end)
        self.dirty |= self._keys.changed
        self._keys.changed.clear()

    def amount(self, minute: int, key: str) -> int:
        """Return the distinct members of a minute."""
        return _united(self.cells.of((minute,), key))[1]

    def tell(self, episode: Episode, minute: int, key: str) -> None:
        """Add the members of a minute to an episode."""
        met = self.together((minute,), key)
        episode.total("rows", met.rows)
        for member in met.members:
            episode.part(member, 1)

    def phrase(self, episode: Episode) -> Phrase:
        """Return an episode in words."""
        peak = episode.peak
        usual = f"the rule reports {peak.threshold:,.0f} and more"
        if peak.probability is not None:
            usual = against(episode)
        return Phrase(
            where(episode),
            f"{where(episode)} met {len(episode.parts):,} distinct members in "
            f"{episode.totals.get('rows', 0):,.0f} rows {between(episode)}. There were "
            f"{episode.peak.observed:,.0f} {strongest(episode)}, {usual}.",
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
        return None if known is None else [known.spells, known.amount, known.at, known.since]

    def load_key(self, key: str, state: Any) -> None:
        """Take back what ``dump_key`` gave."""
        self._keys.restore(key, KnownMean(*state))

    def dump_more(self) -> dict[str, Any]:
        """Return what is kept for all keys together."""
        crowd = [self._crowd.spells, self._crowd.amount, self._crowd.at]
        return {"crowd": crowd, "since": self._since}

    def load_more(self, state: dict[str, Any]) -> None:
        """Take back what ``dump_more`` gave."""
        self._crowd, self._since = FadingMean(*state["crowd"]), state["since"]

    def resume(self, final: int) -> None:
        """Take the boundary of final minutes that was in force when states were written."""
        super().resume(final)
        self._keys.resume()


def _met(rows: list[int], distinct: list[int], members: list[tuple[str, ...]]) -> list[Met]:
    return list(map(Met, rows, map(max, distinct, map(len, members)), members))


def _united(by_feed: Mapping[Feed, Sequence[tuple[int, Met]]]) -> tuple[int, int, set[str]]:
    """Return rows of the feed that shows more, and the distinct members of both: count and set."""
    members: set[str] = set()
    most = rows = 0
    for cells in by_feed.values():
        of_feed = 0
        for _, cell in cells:
            members.update(cell.members)
            of_feed += cell.rows
            most = max(most, cell.distinct)
        rows = max(rows, of_feed)
    return rows, max(most, len(members)), members
