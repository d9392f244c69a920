"""Acting as others, per person: windows over both feeds, baselines, judgement of a minute."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.detect.alarm_budget import AlarmBudget
from pipeline.detect.bounded_keys import silent_longest
from pipeline.detect.count_tail import Expectation
from pipeline.detect.episodes import Peak
from pipeline.detect.help_baseline import FadingMean, HelpModel, expect
from pipeline.detect.pending import Pending
from pipeline.detect.rules import MasqueradeBurstRule
from pipeline.detect.state_text import dumped, loaded

POPULATION = ""
"""Key of the baseline of everybody who masquerades."""


class FeedCount(NamedTuple):
    """What one feed shows of a person in a minute; ``distinct`` counts targets beyond the cap."""

    rows: int
    writes: int
    targets: tuple[str, ...]
    distinct: int
    request_ids: tuple[str, ...] = ()
    session_ids: tuple[str, ...] = ()


Cell = Mapping[str, FeedCount]
"""A minute of one person, by feed."""

NOTHING: Cell = {}


class Acting(NamedTuple):
    """A window: distinct targets of both feeds together, writes of the feed that shows most.

    Both feeds describe the same requests, so their counts are never added.
    """

    targets: int
    writes: int


class MasqueradeFlag(NamedTuple):
    """A minute at whose end a person has done unlikely much as others."""

    key: str
    minute: int
    first: int
    peak: Peak


@dataclass(slots=True)
class Usual:
    """Baselines of a person, or of everybody."""

    targets: FadingMean = field(default_factory=FadingMean)
    writes: FadingMean = field(default_factory=FadingMean)

    def dump(self) -> list[list[float]]:
        """Return the sums as JSON values."""
        return [[one.spells, one.amount, one.at] for one in (self.targets, self.writes)]

    @classmethod
    def load(cls, sums: list[tuple[float, float, int]]) -> "Usual":
        """Take back what ``dump`` gave."""
        return cls(*(FadingMean(*one) for one in sums))


@dataclass(slots=True)
class Series:
    """Final minutes of a person: recent ones by minute, and the baselines of those before.

    ``since`` is the first minute that the baselines learned; 0: none yet.
    """

    usual: Usual = field(default_factory=Usual)
    recent: dict[int, Cell] = field(default_factory=dict)
    unlearned: set[int] = field(default_factory=set)
    seen: int = 0
    since: int = 0


class MasqueradeScope:
    """Everybody who masquerades, under one rule."""

    def __init__(self, rule: MasqueradeBurstRule) -> None:
        self.rule = rule
        self.parameters = p = rule.parameters
        self.budget = AlarmBudget(p.max_alarms_per_week, p.max_probability)
        self._width = rule.parameters.window_min
        self._delay = rule.parameters.window_min + rule.parameters.quiet_min
        self._targets_model, self._writes_model = _models(rule)
        self._series: dict[str, Series] = {}
        self._population = Usual()
        self._pending: Pending[dict[str, FeedCount]] = Pending()
        self._suspects: dict[int, set[str]] = {}
        self._acting: dict[int, dict[str, Acting]] = {}
        self._final = 0
        self._dirty: set[str] = set()

    # -- minutes that are not final

    def observe(self, minute: int, key: str, feed: str, count: FeedCount) -> None:
        """Take the present count of a minute that is not final."""
        known = self._pending.at(minute).get(key, {})
        self._pending.put(minute, key, {**known, feed: count})

    def suspects(self) -> Mapping[int, set[str]]:
        """Return people per minute who pass the floors; closed or not: these counts only grow."""
        again: set[int] = set()
        for minute in self._pending.take_changed(1 << 62):
            again.update(range(minute, minute + self._width))
        for minute in again:
            self._acting.pop(minute, None)
            found = {key for key in self._pending.at(minute) if self._may_stand_out(minute, key)}
            if found:
                self._suspects[minute] = found
            else:
                self._suspects.pop(minute, None)
        return self._suspects

    def _may_stand_out(self, minute: int, key: str) -> bool:
        acting = self.window(minute, key)
        p = self.parameters
        return acting.targets >= p.min_targets or acting.writes >= p.min_writes

    # -- final minutes

    def begin_final(self, minute: int) -> None:
        """Make this the newest final minute; baselines learn the spells long enough before."""
        self._final = minute + 1
        self._learn(minute - self._delay)
        for key in silent_longest(self._series, self.parameters.max_keys):
            del self._series[key]
            self._dirty.add(key)

    def add_final(self, minute: int, key: str, cell: Cell) -> None:
        """Take a final minute of a person."""
        series = self._series.get(key)
        if series is None or minute - series.seen > self.parameters.forget_after_min:
            series = self._series[key] = Series()
        series.recent[minute] = cell
        series.seen = minute
        self._dirty.add(key)

    def end_final(self, through: int) -> None:
        """Forget what was pending before ``through`` and people who were silent for long."""
        self._final = max(self._final, through)
        self._pending.drop(through)
        self._acting.clear()
        self._suspects = {m: keys for m, keys in self._suspects.items() if m >= through}
        oldest = through - self.parameters.forget_after_min
        for key in [key for key, series in self._series.items() if series.seen < oldest]:
            del self._series[key]
            self._dirty.add(key)

    def leave_out(self, key: str, minutes: Iterable[int]) -> None:
        """Keep the spells of these minutes out of the baselines."""
        series = self._series.get(key)
        if series is not None:
            series.unlearned.update(set(minutes) & series.recent.keys())
            self._dirty.add(key)

    def _learn(self, before: int) -> None:
        """Learn whole spells that ended before, oldest first, then by person.

        The order is that of event time whatever the cuts, so that sums of floats are the same.
        """
        due: dict[tuple[int, str], list[int]] = {}
        for key, series in self._series.items():
            for minute in series.recent:
                spell = minute // self._width
                if (spell + 1) * self._width <= before:
                    due.setdefault((spell, key), []).append(minute)
        for (spell, key), minutes in sorted(due.items()):
            self._learn_spell(key, (spell + 1) * self._width, minutes)

    def _learn_spell(self, key: str, end: int, minutes: list[int]) -> None:
        series = self._series[key]
        cells = [series.recent.pop(minute) for minute in minutes]
        # One integration that acts as thousands must not become everybody's normal: what the
        # population learns is capped at the floors.
        flagged = bool(series.unlearned.intersection(minutes))
        series.unlearned.difference_update(minutes)
        self._dirty.add(key)
        if flagged:
            return
        acting = _together(cells)
        p = self.parameters
        series.since = series.since or min(minutes)
        series.usual.targets.learn(end, acting.targets, p.half_life_min)
        series.usual.writes.learn(end, acting.writes, p.half_life_min)
        crowd = self._population
        crowd.targets.learn(end, min(acting.targets, p.min_targets), p.half_life_min)
        crowd.writes.learn(end, min(acting.writes, p.min_writes), p.half_life_min)
        self._dirty.add(POPULATION)

    # -- judgement

    def cell(self, minute: int, key: str) -> Cell:
        """Return what is known of a minute of a person."""
        if minute >= self._final:
            return self._pending.at(minute).get(key, NOTHING)
        series = self._series.get(key)
        return NOTHING if series is None else series.recent.get(minute, NOTHING)

    def window(self, minute: int, key: str) -> Acting:
        """Return what a person did as others in the window that ends with a minute.

        Of a minute that is not final it is remembered until something changes.
        """
        if minute < self._final:
            return _together(self.cell(x, key) for x in self._window(minute))
        known = self._acting.setdefault(minute, {})
        acting = known.get(key)
        if acting is None:
            acting = known[key] = _together(self.cell(x, key) for x in self._window(minute))
        return acting

    def judge(self, minute: int, key: str) -> MasqueradeFlag | None:
        """Return why a minute stands out; None if it does not."""
        p = self.parameters
        acting = self.window(minute, key)
        own, crowd = self._usual(minute, key), self._population
        peaks = []
        if acting.targets >= p.min_targets:
            usual = expect(own.targets, crowd.targets, minute, self._targets_model)
            peaks.append(self._peak(minute, "targets", acting.targets, p.min_targets, usual))
        if acting.writes >= p.min_writes:
            usual = expect(own.writes, crowd.writes, minute, self._writes_model)
            peaks.append(self._peak(minute, "writes", acting.writes, p.min_writes, usual))
        strongest = max((peak for peak in peaks if peak), key=lambda x: x.weight, default=None)
        if strongest is None:
            return None
        first = next(x for x in self._window(minute) if self.cell(x, key))
        return MasqueradeFlag(key, minute, first, strongest)

    def _peak(
        self, minute: int, kind: str, observed: int, least: int, usual: Expectation
    ) -> Peak | None:
        p, likely = self.parameters, self.budget.probability
        tail = usual.tail(observed)
        if tail > likely or observed < p.min_ratio * usual.mean:
            return None
        floor = max(least, int(-(-p.min_ratio * usual.mean // 1)))
        cut = usual.cut(likely, floor)
        return Peak(minute, self._width, kind, observed, usual.mean, cut, tail, observed / cut)

    def since(self, key: str) -> int | None:
        """Return the first minute that a person's baselines learned; None: there is none yet."""
        series = self._series.get(key)
        return series.since or None if series else None

    def _usual(self, minute: int, key: str) -> Usual:
        series = self._series.get(key)
        if series is None or minute - series.seen > self.parameters.forget_after_min:
            return Usual()
        return series.usual

    def _window(self, minute: int) -> range:
        return range(minute - self._width + 1, minute + 1)

    # -- snapshot and restore

    def touch(self) -> None:
        """Count every key as changed."""
        self._dirty.update(self._series)
        self.budget.touch()
        if self._population != Usual():
            self._dirty.add(POPULATION)

    def take_changed(self) -> list[tuple[str, str]]:
        """Return key and state (JSON) of everybody who changed; an empty state: forgotten."""
        changed = [(key, self._dump(key)) for key in sorted(self._dirty)]
        self._dirty.clear()
        return changed

    def _dump(self, key: str) -> str:
        if key == POPULATION:
            return dumped({"usual": self._population.dump()})
        series = self._series.get(key)
        if series is None:
            return ""
        recent = [[minute, dict(cell)] for minute, cell in series.recent.items()]
        return dumped(
            {
                "usual": series.usual.dump(),
                "recent": recent,
                "unlearned": sorted(series.unlearned),
                "seen": series.seen,
                "since": series.since,
            }
        )

    def restore(self, key: str, state: str) -> None:
        """Take back somebody's state."""
        read = loaded(state)
        usual = Usual.load(read["usual"])
        if key == POPULATION:
            self._population = usual
            return
        recent: dict[int, Cell] = {
            minute: {
                feed: FeedCount(rows, writes, tuple(targets), distinct, tuple(ids), tuple(sessions))
                for feed, (rows, writes, targets, distinct, ids, sessions) in cell.items()
            }
            for minute, cell in read["recent"]
        }
        self._series[key] = Series(
            usual, recent, set(read["unlearned"]), read["seen"], read.get("since", 0)
        )

    def resume(self, final: int) -> None:
        """Take the boundary of final minutes that was in force when states were written."""
        self._final = final


def _models(rule: MasqueradeBurstRule) -> tuple[HelpModel, HelpModel]:
    p = rule.parameters
    weights = (p.prior_weight, p.population_weight)
    return (
        HelpModel(p.prior_targets, *weights, p.targets_dispersion, p.half_life_min),
        HelpModel(p.prior_writes, *weights, p.writes_dispersion, p.half_life_min),
    )


def _together(cells: Iterable[Cell]) -> Acting:
    """Add minutes up: targets of both feeds united, writes of the feed that shows more."""
    targets: set[str] = set()
    distinct = 0
    writes: dict[str, int] = {}
    for cell in cells:
        for feed, count in cell.items():
            targets.update(count.targets)
            distinct = max(distinct, count.distinct)
            writes[feed] = writes.get(feed, 0) + count.writes
    return Acting(max(len(targets), distinct), max(writes.values(), default=0))
