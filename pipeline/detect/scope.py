"""The keys of one rule of a generic detector: recent minutes, learning in blocks, judgement.

What differs between detectors are the hooks: what a cell is, what a minute is judged by, and what
is learned from a block of minutes. Here is what they share, so that each keeps the same laws: a
minute is judged from what is known of it, learned once its block lies so far back that no flag can
reach it any more, and left out if it was flagged.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any, Generic, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.detect.alarm_budget import AlarmBudget
from pipeline.detect.cell_runs import Cell, CellColumn, CellRun, GivenRun, Layer, Run
from pipeline.detect.episodes import Episode, Peak
from pipeline.detect.hot_keys import HotKeys
from pipeline.detect.minute_cells import MinuteCells
from pipeline.detect.rules.models import AnyWatchRule
from pipeline.detect.signals import Rows, Samples, Signals
from pipeline.domain.feeds import Feed


class Flag(NamedTuple):
    """A minute and key that stands out; ``first`` is the first minute of its evidence."""

    key: str
    minute: int
    first: int
    peak: Peak


class Phrase(NamedTuple):
    """An episode in a rule's words: what the title adds, and the sentences of the explanation."""

    title: str
    explanation: str


class Scope(ABC, Generic[Cell]):
    """All keys of one rule."""

    grows = True
    """Whether what is counted only grows, so that an open minute may be flagged at once."""

    def __init__(self, rule: AnyWatchRule) -> None:
        p = rule.parameters
        self.rule: AnyWatchRule = rule
        self.feeds: tuple[Feed, ...] = tuple(rule.feeds)
        self.width = p.window_min
        self.block = p.window_min
        self.budget = AlarmBudget(p.max_alarms_per_week, p.max_probability)
        self.cells: MinuteCells[Cell] = MinuteCells()
        self.final = 0
        self.dirty: set[str] = set()
        self.whole_dirty = False
        self._delay = p.window_min + p.quiet_min
        self._learned: int | None = None
        self._left_out: dict[int, set[str]] = {}
        self._spoken: set[int] = set()
        self._hot = HotKeys()
        self._arriving: dict[int, dict[Feed, Layer[Cell]]] = {}
        self._judged: dict[int, list[Flag]] = {}
        self._dirty_minutes: set[int] = set()

    # -- hooks

    @abstractmethod
    def read(self, signals: Signals, rows: Rows) -> tuple[CellColumn[Cell], npt.NDArray[np.bool_]]:
        """Return the cell of every row, and which rows are worth a look."""

    @abstractmethod
    def judge(self, minute: int, key: str) -> Flag | None:
        """Return why a minute of a key stands out; None if it does not."""

    @abstractmethod
    def learn(self, start: int, *, alive: bool, left_out: frozenset[str]) -> None:
        """Learn a block of final minutes."""

    @abstractmethod
    def amount(self, minute: int, key: str) -> int:
        """Return what was counted of a key in a minute, as a contribution to a whole."""

    def excess(self, minute: int, key: str) -> float:
        """Return how much more than usual the window that ends with a minute has of a key."""
        del minute, key
        return 0.0

    def tell(self, episode: Episode, minute: int, key: str) -> None:
        """Add what was counted in a minute to an episode."""
        episode.total("count", self.amount(minute, key))

    @abstractmethod
    def phrase(self, episode: Episode) -> Phrase:
        """Return an episode in words."""

    @abstractmethod
    def dump_key(self, key: str) -> Any:
        """Return the baseline of a key as a JSON value; None: forgotten."""

    @abstractmethod
    def load_key(self, key: str, state: Any) -> None:
        """Take back what ``dump_key`` gave."""

    @abstractmethod
    def learned_keys(self) -> Iterable[str]:
        """Return the keys that have a baseline."""

    def dump_more(self) -> dict[str, Any]:
        """Return what is kept for all keys together."""
        return {}

    def load_more(self, state: dict[str, Any]) -> None:
        """Take back what ``dump_more`` gave."""

    def load_cell(self, cell: Any) -> Cell:
        """Return a cell that JSON has carried."""
        return cell  # type: ignore[no-any-return]

    def ticks(self, since: int, through: int) -> Iterable[int]:
        """Return minutes that are judged although nothing came in them."""
        del since, through
        return ()

    def grid(self, since: int, through: int, step: int) -> range:
        """Return the last minute of every step of minutes, from the first that is known on."""
        known = min(self._arriving, default=through) if self._learned is None else self._learned
        first = max(since, known) // step * step + step - 1
        return range(first, through, step)

    def candidates(self, minute: int) -> Iterable[str]:
        """Return the keys to judge at a minute."""
        return self._hot.keys(minute)

    def may_stand_out(self, minute: int) -> bool:
        """Return whether any key of a minute is to be judged at all."""
        del minute
        return True

    def since(self, key: str) -> int | None:
        """Return the minute from which a key's history is known."""
        del key
        return None

    # -- minutes that are not final

    def observe(self, signals: Signals) -> None:
        """Take restated minutes that are not final."""
        self._take(signals, self._put)

    def _put(self, minute: int, feed: Feed, run: Run[Cell]) -> None:
        self.cells.put(minute, feed, run)

    def suspects(self, closed: int) -> list[int]:
        """Return minutes that are not final and may hold flags, oldest first."""
        changed = sorted(self.cells.take_changed())
        for minute in list(self._judged) if changed else ():
            # The first changed minute that is not before its window.
            at = bisect_left(changed, minute + 1 - self.width)
            if at < len(changed) and changed[at] <= minute:
                del self._judged[minute]
        end = closed if not self.grows else 1 << 62
        hot = (minute for minute in self._hot.minutes() if self.final <= minute < end)
        minutes = {minute for minute in hot if self.may_stand_out(minute)}
        return sorted(minutes.union(self.ticks(self.final, closed)))

    def provisional(self, minute: int) -> list[Flag]:
        """Return what stands out in a minute; remembered until something changes."""
        flags = self._judged.get(minute)
        if flags is None:
            flags = self._judged[minute] = self.flags(minute)
        return flags

    def flagged(self, minutes: Iterable[int]) -> dict[int, list[Flag]]:
        """Return what stands out in those of some minutes in which anything does."""
        return {minute: flags for minute in minutes if (flags := self.provisional(minute))}

    def flags(self, minute: int) -> list[Flag]:
        """Return what stands out in a minute, in the order of keys."""
        found = (self.judge(minute, key) for key in sorted(self.candidates(minute)))
        return [flag for flag in found if flag]

    def samples(self, minute: int, key: str) -> Samples:
        """Return sample ids of a minute, if it has any."""
        return self._hot.samples(minute, key)

    # -- final minutes

    def arrive(self, signals: Signals) -> set[int]:
        """Take final minutes, to be judged one after the other; return which."""
        self._take(signals, self._put_final)
        for feed in self.feeds:
            self._spoken |= signals.spoken(feed)
        return set(self._arriving)

    def _put_final(self, minute: int, feed: Feed, run: Run[Cell]) -> None:
        self._arriving_layer(minute, feed).put(run)

    def _arriving_layer(self, minute: int, feed: Feed) -> Layer[Cell]:
        of = self._arriving.setdefault(minute, {})
        layer = of.get(feed)
        if layer is None:
            layer = of[feed] = Layer()
        return layer

    def begin_final(self, minute: int) -> None:
        """Make this the newest final minute, and learn the blocks that are due before it."""
        if self._learned is None:
            self._learned = minute // self.block * self.block
            self.whole_dirty = True
        self.learn_due(minute)
        layers = self._arriving.pop(minute, {})
        if layers or self.cells.has(minute):
            self.cells.settle(minute, layers)
            self._dirty_minutes.add(minute)
        self.final = minute + 1
        if self.budget.count(minute, self.cells.width(minute)):
            self._judged.clear()
        self.whole_dirty = True

    def end_final(self, through: int) -> None:
        """Learn what is due and forget what no judgement asks for any more."""
        self.learn_due(through)
        self.final = max(self.final, through)
        first = self.final - self.width
        kept = first if self._learned is None else min(self._learned, first)
        self._dirty_minutes.update(self.cells.drop(kept))
        for minute in [x for x in self._left_out if x < kept]:
            del self._left_out[minute]
            self._dirty_minutes.add(minute)
        self._spoken = {x for x in self._spoken if x >= kept}
        self._judged = {x: flags for x, flags in self._judged.items() if x >= through}
        self._hot.drop(through)

    def learn_due(self, minute: int) -> None:
        """Learn the blocks that no flag of this minute or a later one can reach."""
        if self._learned is None:
            return
        before = minute - self._delay
        while self._learned + self.block <= before:
            minutes = range(self._learned, self._learned + self.block)
            left_out = frozenset[str]().union(*(self._left_out.get(x, ()) for x in minutes))
            alive = not self._spoken.isdisjoint(minutes)
            self.learn(self._learned, alive=alive, left_out=left_out)
            self._learned += self.block
            self._judged.clear()
            self.whole_dirty = True

    def leave_out(self, key: str, minutes: Iterable[int]) -> None:
        """Keep minutes of a key out of what is learned."""
        for minute in minutes:
            if self._learned is not None and minute >= self._learned:
                self._left_out.setdefault(minute, set()).add(key)
                self._dirty_minutes.add(minute)

    def window(self, minute: int) -> range:
        """Return the minutes of the window that ends with this one."""
        return range(minute - self.width + 1, minute + 1)

    def feeds_of(self, minutes: range, key: str) -> Iterable[Feed]:
        """Return the feeds that show a key in some minutes."""
        of_minutes = (self.cells.at(minute).items() for minute in minutes)
        return {feed for of in of_minutes for feed, cells in of if key in cells}

    def _take(self, signals: Signals, put: Callable[[int, Feed, Run[Cell]], None]) -> None:
        rows = signals.rows(self.rule, self.rule.dimension, self.feeds)
        if not len(rows):
            return
        cells, hot = self.read(signals, rows)
        for run in signals.runs(rows, self.feeds):
            if run.minute >= self.final:
                put(run.minute, run.feed, CellRun(rows.keys, cells, run.first, run.last))
        minutes = signals.minutes[rows.places]
        at = np.flatnonzero(hot & (minutes >= self.final))
        if len(at):
            self._hot.put(minutes[at], signals.sampled(rows, at))

    # -- snapshot and restore

    def take_minutes(self) -> list[tuple[int, Any]]:
        """Return the final minutes that changed, as JSON values; None: forgotten."""
        changed: list[tuple[int, Any]] = []
        for minute in sorted(self._dirty_minutes):
            of, out = self.cells.at(minute), self._left_out.get(minute)
            if minute < self.final and (of or out):
                changed.append((minute, {"cells": of, "left_out": sorted(out or ())}))
            else:
                changed.append((minute, None))
        self._dirty_minutes.clear()
        return changed

    def touch(self) -> None:
        """Make everything part of the next snapshot."""
        self.dirty.update(self.learned_keys())
        self._dirty_minutes.update(self.cells.minutes(), self._left_out)
        self.whole_dirty = True

    def load_minute(self, minute: int, state: dict[str, Any]) -> None:
        """Take back what ``take_minutes`` gave."""
        for feed, cells in state["cells"].items():
            loaded = [(key, self.load_cell(cell)) for key, cell in cells.items()]
            self.cells.put(minute, feed, GivenRun(loaded))
        if state["left_out"]:
            self._left_out[minute] = set(state["left_out"])

    def dump_whole(self) -> dict[str, Any]:
        """Return what is kept for all keys together, as JSON values."""
        return {
            "learned": self._learned,
            "spoken": sorted(x for x in self._spoken if x < self.final),
            "budget": self.budget.dump(),
            **self.dump_more(),
        }

    def load_whole(self, state: dict[str, Any]) -> None:
        """Take back what ``dump_whole`` gave."""
        self._learned, self._spoken = state["learned"], set(state["spoken"])
        self.budget.load(state["budget"])
        self.load_more(state)

    def resume(self, final: int) -> None:
        """Take the boundary of final minutes that was in force when states were written."""
        self.final = final
