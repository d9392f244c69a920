"""Detector: what goes on for a key after its end (grades of a course that was concluded).

Ends are told by ``ended_by``, and that a key goes on after all by ``reopened_by``: it counts as
ended for ``reopen_min`` more, so that opening, changing and closing again is no way around. In the
periods ``ended_between`` every key counts as ended: dates that no feed tells. What is counted of
an ended key within a window has a floor, as in ``sequence``: it is wrong however often it happens,
so nothing usual is learned and no chance by accident is told. What is learned, from final minutes,
is which keys have ended; a key of which nothing was said for ``forget_after_min`` is forgotten.
Memory: 236 bytes an ended key (``python -m bench.detector_memory``).
"""

from collections.abc import Iterable
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.detect.bounded_keys import BoundedKeys
from pipeline.detect.cell_runs import CellColumn, GivenRun, counted
from pipeline.detect.episodes import Episode, Peak
from pipeline.detect.local_time import local_minute
from pipeline.detect.rules.watching import DAY_MIN, AfterEndRule, Step
from pipeline.detect.scope import Flag, Phrase, Scope
from pipeline.detect.signals import Rows, Signals
from pipeline.detect.watch_words import between, measured, strongest, where

OPENED: Final = "\x00o"
ENDED: Final = "\x00e"
"""Begin the names under which it is kept that a key goes on, or ended."""


class State(NamedTuple):
    """Since which minute a key has ended and, if so, goes on again; ``at``: last heard of."""

    ended: int | None = None
    opened: int | None = None
    at: int = 0

    def after(self, kind: str, minute: int) -> "State":
        """Return the state after something was said in a minute."""
        if kind == ENDED:
            return State(minute if self.is_open else self.ended, None, minute)
        return State(self.ended, minute if self.opened is None else self.opened, minute)

    @property
    def is_open(self) -> bool:
        """Whether the key goes on."""
        return self.ended is None or self.opened is not None

    def holds(self, minute: int, reopen_min: int) -> bool:
        """Whether what is counted in a minute comes after the end."""
        if self.ended is None or minute <= self.ended:
            return False
        return self.opened is None or minute < self.opened + reopen_min


class AfterEnd(Scope[int]):
    """One rule on what goes on after its end."""

    rule: AfterEndRule

    def __init__(self, rule: AfterEndRule) -> None:
        super().__init__(rule)
        p = rule.parameters
        self._keys: BoundedKeys[State] = BoundedKeys(p.max_keys, p.forget_after_min)
        self._periods = [(one.from_.toordinal(), one.until.toordinal()) for one in p.ended_between]

    def read(self, signals: Signals, rows: Rows) -> tuple[CellColumn[int], npt.NDArray[np.bool_]]:
        """Return the counts of the rule's measure; whatever counts is worth a look."""
        counts = signals.counts(rows, self.rule.measure)
        return counted(counts), counts > 0

    def _take(self, signals: Signals, put: Any) -> None:
        super()._take(signals, put)
        for kind, step in ((OPENED, self.rule.reopened_by), (ENDED, self.rule.ended_by)):
            if step is not None and self._take_said(signals, put, kind, step):
                # An end speaks of everything after it, not only of the windows it lies in.
                self._judged.clear()

    def _take_said(self, signals: Signals, put: Any, kind: str, step: Step) -> int:
        rows = signals.rows(self.rule, step.dimension, self.feeds)
        counts = signals.counts(rows, step.measure).tolist()
        for run in signals.runs(rows, self.feeds):
            if run.minute >= self.final:
                keys, own = rows.keys.some(run.first, run.last), counts[run.first : run.last]
                said = [(kind + key, count) for key, count in zip(keys, own, strict=True)]
                told = GivenRun([one for one in said if one[1] >= step.min_count])
                put(run.minute, run.feed, told)
        return len(rows)

    def _said(self, minutes: range, key: str) -> list[tuple[int, str]]:
        """Return what was said of a key, in order; within a minute the end has the last word."""
        return sorted(
            {
                (minute, kind)
                for kind in (OPENED, ENDED)
                for cells in self.cells.of(minutes, kind + key).values()
                for minute, _ in cells
            },
            key=lambda one: (one[0], one[1] == ENDED),
        )

    def _after_end(self, minutes: range, key: str) -> set[int]:
        """Return those of some minutes in which a key had ended."""
        since = min(self._known_from(minutes), minutes.start)
        said = self._said(range(since, minutes.stop), key)
        state, found, at = self._keys.get(key) or State(), set[int](), 0
        for minute in minutes:
            while at < len(said) and said[at][0] <= minute:
                state = state.after(said[at][1], said[at][0])
                at += 1
            if state.holds(minute, self.rule.parameters.reopen_min) or self._in_period(minute):
                found.add(minute)
        return found

    def _known_from(self, minutes: range) -> int:
        """Return the first minute that is not learned yet."""
        if self._learned is None:
            return min(self.cells.minutes(), default=minutes.start)
        return self._learned

    def _in_period(self, minute: int) -> bool:
        if not self._periods:
            return False
        day = _EPOCH + local_minute(minute, self.rule.zone) // DAY_MIN
        return any(first <= day < last for first, last in self._periods)

    def amount(self, minute: int, key: str) -> int:
        """Return what was counted in a minute, of the feed that shows more."""
        cells = self.cells.of((minute,), key).values()
        return max((sum(count for _, count in of) for of in cells), default=0)

    def judge(self, minute: int, key: str) -> Flag | None:
        """Return a minute in which something goes on after its end; None if nothing does."""
        window, least = self.window(minute), self.rule.parameters.min_count
        by_feed = [
            [(x, count) for x, count in cells if count]
            for cells in self.cells.of(window, key).values()
        ]
        if max((sum(count for _, count in cells) for cells in by_feed), default=0) < least:
            return None
        over = self._after_end(window, key)
        late = [[(x, count) for x, count in cells if x in over] for cells in by_feed]
        count = max(sum(count for _, count in cells) for cells in late)
        if minute not in over or count < least:
            return None
        first = min(x for cells in late for x, _ in cells)
        kind = self.rule.measure
        peak = Peak(minute, self.width, kind, count, 0.0, least, None, weight=float(count))
        return Flag(key, minute, first, peak)

    def learn(self, start: int, *, alive: bool, left_out: frozenset[str]) -> None:
        """Learn which keys ended, and which go on."""
        del alive, left_out
        minutes = range(start, start + self.block)
        names = set[str]().union(*(self.cells.keys(minute) for minute in minutes))
        for key in sorted({name[2:] for name in names if name.startswith((OPENED, ENDED))}):
            state = self._keys.get(key) or State()
            for minute, kind in self._said(minutes, key):
                state = state.after(kind, minute)
            if state.ended is not None:
                self._keys.renew(key, state)
        self._keys.evict(start + self.block)
        self.dirty |= self._keys.changed
        self._keys.changed.clear()

    def phrase(self, episode: Episode) -> Phrase:
        """Return an episode in words."""
        return Phrase(
            where(episode),
            f"{where(episode)}, {between(episode)}: {episode.peak.observed:,.0f} "
            f"{measured(self.rule.measure)} after the end {strongest(episode)}; the rule reports "
            f"{episode.peak.threshold:,.0f} and more.",
        )

    # -- snapshot and restore

    def learned_keys(self) -> Iterable[str]:
        """Return the keys that ended."""
        return self._keys

    def dump_key(self, key: str) -> Any:
        """Return what is known of a key as a JSON value; None: forgotten."""
        return self._keys.get(key)

    def load_key(self, key: str, state: Any) -> None:
        """Take back what ``dump_key`` gave."""
        self._keys.restore(key, State(*state))

    def resume(self, final: int) -> None:
        """Take the boundary of final minutes that was in force when states were written."""
        super().resume(final)
        self._keys.resume()


_EPOCH: Final = date(1970, 1, 1).toordinal()
