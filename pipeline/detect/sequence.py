"""Detector: one key passes steps in order within a window (failures, then success).

It is what Sigma's rules call a ``temporal_ordered`` correlation (Sigma Correlation Rules 2.0).
Each step is a count of a dimension whose keys are the same things; a step is passed when it has
counted enough between the window's start and the first count of the step after it. The order is
that of minutes: within one minute any order counts. A single step is a count with a floor: for
what is wrong however often it happens, so there is no baseline, nothing is learned, and no chance
by accident is told. Behind an address that thousands share both steps are there at any time:
``min_share`` asks that a step be so much of what was counted of it and of the last one.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipeline.detect.cell_runs import CellColumn, CellRun, Put, counted
from pipeline.detect.episodes import Episode, Peak
from pipeline.detect.rules.watching import SequenceRule
from pipeline.detect.scope import Flag, Phrase, Scope
from pipeline.detect.signals import Rows, Signals
from pipeline.detect.texts import RowKeys
from pipeline.detect.watch_words import between, measured, strongest, where
from pipeline.detect.window_screens import WindowScreen, counted_at, counted_of

BEFORE: Final = "\x00"
"""Begins the name under which a step before the last is kept: ``\\x00`` number ``\\x00`` key."""


class StepKeys:
    """Keys under the names by which a step before the last keeps them."""

    def __init__(self, number: int, keys: RowKeys) -> None:
        self._number, self._keys = number, keys

    def some(self, first: int, last: int) -> list[str]:
        """Return the names of rows ``first`` to ``last`` (not included)."""
        return [_name(self._number, key) for key in self._keys.some(first, last)]


class StepSequence(Scope[int]):
    """One sequence rule."""

    rule: SequenceRule

    def __init__(self, rule: SequenceRule) -> None:
        super().__init__(rule)
        self._screens = [WindowScreen(self.width, step.min_count) for step in rule.after]

    def read(self, signals: Signals, rows: Rows) -> tuple[CellColumn[int], npt.NDArray[np.bool_]]:
        """Return the counts of the last step; whatever counts is worth a look."""
        counts = signals.counts(rows, self.rule.measure)
        return counted(counts), counts > 0

    def _take(self, signals: Signals, put: Put[int]) -> None:
        super()._take(signals, put)
        for number, step in enumerate(self.rule.after):
            rows = signals.rows(self.rule, step.dimension, self.feeds)
            numbers = signals.counts(rows, step.measure)
            counts, names = counted(numbers), StepKeys(number, rows.keys)
            for minute, feed, first, last in signals.runs(rows, self.feeds):
                if minute >= self.final:
                    put(minute, feed, CellRun(names, counts, first, last))
            passed = counted_of(signals, rows, self.feeds, numbers)
            self._screens[number].add(passed.since(self.final))

    def load_minute(self, minute: int, state: dict[str, Any]) -> None:
        """Take back what ``take_minutes`` gave."""
        super().load_minute(minute, state)
        for feed, cells in self.cells.at(minute).items():
            for name, count in cells.items():
                if name.startswith(BEFORE):
                    _, number, key = name.split(BEFORE, 2)
                    moment = minute * len(self.feeds) + self.feeds.index(feed)
                    passed = counted_at(minute, moment, [key], np.array([count]))
                    self._screens[int(number)].add(passed)

    def end_final(self, through: int) -> None:
        """Forget what no judgement asks for any more."""
        super().end_final(through)
        for screen in self._screens:
            screen.drop(self.final)

    def may_stand_out(self, minute: int) -> bool:
        """Return whether any key may have passed the steps before the last."""
        return all(screen.near(minute) for screen in self._screens)

    def candidates(self, minute: int) -> Iterable[str]:
        """Return the keys to judge at a minute: those of which every step may have been counted."""
        if not self.may_stand_out(minute):
            return ()
        passed = [screen.near(minute) for screen in self._screens]
        return [key for key in super().candidates(minute) if all(key in keys for keys in passed)]

    def _count(self, minutes: Sequence[int], name: str) -> tuple[int, int | None]:
        """Return what was counted, of the feed that shows more, and the first minute of it."""
        by_feed = self.cells.of(minutes, name).values()
        counted = [[(minute, count) for minute, count in cells if count] for cells in by_feed]
        most = max((sum(count for _, count in cells) for cells in counted), default=0)
        return most, min((cells[0][0] for cells in counted if cells), default=None)

    def amount(self, minute: int, key: str) -> int:
        """Return the count of the last step in a minute."""
        return self._count((minute,), key)[0]

    def judge(self, minute: int, key: str) -> Flag | None:
        """Return a minute of the last step that ends a sequence; None if it ends none."""
        if not self.amount(minute, key):
            return None
        window, least = self.window(minute), self.rule.parameters.min_count
        count, first = self._count(window, key)
        if count < least or first is None:
            return None
        last = minute
        for number, step in reversed(list(enumerate(self.rule.after))):
            # A key that goes on with the last step is told by its newest one, not its first.
            before, began = self._count(range(window.start, last + 1), _name(number, key))
            if before < step.min_count or began is None:
                return None
            if before < step.min_share * (before + count):
                return None
            first, last = min(first, began), self._passed(range(began, last + 1), number, key)
        kind, weight = self.rule.measure, float(count)
        peak = Peak(minute, self.width, kind, count, 0.0, least, None, weight=weight)
        return Flag(key, minute, first, peak)

    def _passed(self, minutes: range, number: int, key: str) -> int:
        """Return the minute in which a step had counted enough."""
        least, counted = self.rule.after[number].min_count, 0
        for minute in minutes:
            counted += self._count((minute,), _name(number, key))[0]
            if counted >= least:
                return minute
        return minutes[-1]

    def learn(self, start: int, *, alive: bool, left_out: frozenset[str]) -> None:
        """Learn nothing: what is wrong stays wrong."""

    def phrase(self, episode: Episode) -> Phrase:
        """Return an episode in words."""
        before = ", then ".join(
            f"at least {step.min_count:,} {measured(step.measure)} of {step.dimension}"
            for step in self.rule.after
        )
        last = f"{episode.peak.observed:,.0f} {measured(self.rule.measure)} {strongest(episode)}"
        text = f"{before}, then {last}" if before else last
        return Phrase(
            where(episode),
            f"{where(episode)}, {between(episode)}: {text}; the rule reports "
            f"{episode.peak.threshold:,.0f} and more.",
        )

    def learned_keys(self) -> Iterable[str]:
        """Return the keys that have a baseline."""
        return ()

    def dump_key(self, key: str) -> Any:
        """Return None: no key has a baseline."""
        del key

    def load_key(self, key: str, state: Any) -> None:
        """Take nothing: no key has a baseline."""


def _name(number: int, key: str) -> str:
    return f"{BEFORE}{number}{BEFORE}{key}"
