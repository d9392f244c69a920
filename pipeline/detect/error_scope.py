"""Errors of one status class per key of one dimension: windows, baselines, judgement."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final, NamedTuple

from pipeline.detect.alarm_budget import AlarmBudget
from pipeline.detect.bounded_keys import silent_longest
from pipeline.detect.cell_runs import CellRun
from pipeline.detect.count_tail import Expectation
from pipeline.detect.episodes import Peak
from pipeline.detect.hot_keys import HotKeys
from pipeline.detect.minute_cells import MinuteCells
from pipeline.detect.rules import ErrorSpikeRule
from pipeline.detect.share_baseline import ShareBaseline, ShareModel
from pipeline.detect.state_text import dumped, loaded
from pipeline.domain.feeds import WEB_LOGS


class Count(NamedTuple):
    """Requests of a minute and the errors among them."""

    requests: int
    errors: int


Packed = int
"""A count in one integer: requests above, errors in the lower ``ERROR_BITS`` bits. Of hundreds of
thousands of objects the garbage collector would look at each, again and again; that took two
thirds of the time of observing minutes. It never looks at integers."""

ERROR_BITS: Final = 31
_ERRORS: Final = (1 << ERROR_BITS) - 1

NOTHING: Final = Count(0, 0)

SWEEP_MIN: Final = 60
"""Minutes of event time between two walks over all keys for silent ones."""


class ErrorFlag(NamedTuple):
    """A minute and key that stands out; ``first`` is the first minute of its evidence."""

    key: str
    minute: int
    first: int
    peak: Peak


@dataclass(slots=True)
class Series:
    """What is kept of a key's final minutes: the last few, and the baseline of those before.

    Minutes in ``unlearned`` were part of an anomaly; the baseline leaves them out. ``since`` is
    the first minute that it learned; 0: none yet. What is due to be learned stays among the recent
    minutes until somebody asks for the baseline (``ErrorScope._settled``).
    """

    baseline: ShareBaseline = field(default_factory=ShareBaseline)
    recent: dict[int, Packed] = field(default_factory=dict)
    unlearned: set[int] = field(default_factory=set)
    seen: int = 0
    since: int = 0


class ErrorScope:
    """All keys of one error spike rule."""

    def __init__(self, rule: ErrorSpikeRule) -> None:
        self.rule = rule
        self.parameters = rule.parameters
        p = rule.parameters
        self.budget = AlarmBudget(p.max_alarms_per_week, p.max_probability)
        self._model = ShareModel(
            p.prior_share,
            p.prior_shape,
            p.dispersion,
            p.half_life_min,
            p.clump,
            p.max_probability,
        )
        self._reach = p.windows_min[-1]
        self._delay = self._reach + p.quiet_min
        self._series: dict[str, Series] = {}
        self._final = 0
        self._swept = 0
        self._hot: dict[int, set[str]] = {}
        self._pending: MinuteCells[Packed] = MinuteCells()
        self.worth = HotKeys()
        self._suspects: dict[int, set[str]] = {}
        self._judged: dict[int, list[ErrorFlag]] = {}
        self._dirty: set[str] = set()

    # -- minutes that are not final

    def observe(self, minute: int, counts: CellRun[Packed]) -> None:
        """Take the present counts of keys of a minute that is not final."""
        self._pending.put(minute, WEB_LOGS, counts)

    def suspects(self, closed: int) -> Mapping[int, set[str]]:
        """Return keys per closed minute that pass the floors; baselines are not asked yet.

        Only minutes whose window holds a changed minute are looked at again.
        """
        again: set[int] = set()
        for minute in self._pending.take_changed(closed):
            again.update(range(minute, min(minute + self._reach, closed)))
        for minute in again:
            self._judged.pop(minute, None)
            found = self._may_stand_out(minute)
            if found:
                self._suspects[minute] = found
            else:
                self._suspects.pop(minute, None)
        return self._suspects

    def provisional(self, minute: int) -> list[ErrorFlag]:
        """Return what stands out in a closed minute; remembered until something changes."""
        flags = self._judged.get(minute)
        if flags is None:
            flags = self._judged[minute] = self.flags(minute, self._suspects.get(minute, ()))
        return flags

    def _may_stand_out(self, minute: int) -> set[str]:
        """Return the keys of a minute that is not final which pass the floors."""
        p, found = self.parameters, set[str]()
        keys = self.worth.keys(minute)
        if not keys:
            return found
        least = min(p.min_errors, p.cold_min_errors)
        window = self._window(minute, self._reach)
        final = [x for x in window if x < self._final]
        pending = [self._pending.cells(x, WEB_LOGS) for x in window if x >= self._final]
        for key in keys:
            count = pending[-1].get(key, 0)
            errors = count & _ERRORS
            if not errors or errors < p.min_share * (count >> ERROR_BITS):
                continue
            errors = sum(of.get(key, 0) & _ERRORS for of in pending)
            if errors + sum(self._packed(x, key) & _ERRORS for x in final) >= least:
                found.add(key)
        return found

    # -- final minutes

    def begin_final(self, minute: int) -> None:
        """Make this the newest final minute: what is judged now sees final counts only."""
        self._final = minute + 1
        for old in [x for x in self._hot if x <= minute - self._reach]:
            del self._hot[old]
        for key in silent_longest(self._series, self.parameters.max_keys):
            del self._series[key]
            self._dirty.add(key)

    def add_final(self, minute: int, counts: Sequence[tuple[str, Packed]]) -> None:
        """Take final counts; what leaves the recent minutes is due to be learned."""
        forget_after = self.parameters.forget_after_min
        for key, count in counts:
            series = self._series.get(key)
            if series is None or minute - series.seen > forget_after:
                series = self._series[key] = Series()
            series.recent[minute] = count
            series.seen = minute
            if count & _ERRORS:
                self._hot.setdefault(minute, set()).add(key)
        self._dirty.update(key for key, _ in counts)
        if self.budget.count(minute, len(counts)):
            self._judged.clear()

    def end_final(self, through: int) -> None:
        """Forget what was pending before ``through`` and keys that were silent for long."""
        self._final = max(self._final, through)
        self._judged.clear()
        self._pending.drop(through)
        self.worth.drop(through)
        self._suspects = {m: keys for m, keys in self._suspects.items() if m >= through}
        if through < self._swept + SWEEP_MIN:
            return
        self._swept = through
        oldest = through - self.parameters.forget_after_min
        for key in [key for key, series in self._series.items() if series.seen < oldest]:
            del self._series[key]
            self._dirty.add(key)

    def leave_out(self, key: str, minutes: Iterable[int]) -> None:
        """Keep minutes of a key out of its baseline."""
        series = self._series.get(key)
        if series is not None:
            # What is due by now was learned before this flag, whoever asks first.
            recent = self._settled(series).recent
            series.unlearned.update(set(minutes) & recent.keys())
            self._dirty.add(key)

    def _settled(self, series: Series) -> Series:
        """Return a series whose baseline has learned what was due when it was seen last."""
        recent, unlearned = series.recent, series.unlearned
        before = series.seen - self._delay
        due = list(takewhile(before.__gt__, recent))
        if due:
            learn, model = series.baseline.learn, self._model
            for minute in due:
                count = recent.pop(minute)
                if minute in unlearned:
                    unlearned.discard(minute)
                else:
                    series.since = series.since or minute
                    learn(minute, count >> ERROR_BITS, count & _ERRORS, model)
        return series

    # -- judgement

    def count(self, minute: int, key: str) -> Count:
        """Return the count of a minute and key; zeros if it is not there."""
        packed = self._packed(minute, key)
        return _unpacked(packed) if packed else NOTHING

    def _packed(self, minute: int, key: str) -> Packed:
        if minute >= self._final:
            return self._pending.cells(minute, WEB_LOGS).get(key, 0)
        series = self._series.get(key)
        return 0 if series is None else series.recent.get(minute, 0)

    def keys_with_errors(self, minute: int) -> Iterable[str]:
        """Return the keys that had errors in a minute."""
        if minute < self._final:
            return self._hot.get(minute, set())
        counts = self._pending.cells(minute, WEB_LOGS)
        return [key for key, count in counts.items() if count & _ERRORS]

    def since(self, key: str) -> int | None:
        """Return the first minute that a key's baseline learned; None: there is none yet."""
        series = self._series.get(key)
        return self._settled(series).since or None if series else None

    def expect(self, minute: int, key: str, requests: int) -> Expectation:
        """Return the errors that so many requests of a key usually bring."""
        return self._baseline(minute, key).expect(minute, requests, self._model)

    def window(self, first: int, last: int, key: str) -> Count:
        """Return the counts of minutes ``first`` to ``last``, both included."""
        counts = [self.count(minute, key) for minute in range(first, last + 1)]
        return Count(sum(c.requests for c in counts), sum(c.errors for c in counts))

    def flags(self, minute: int, keys: Iterable[str]) -> list[ErrorFlag]:
        """Return what stands out among some keys, in the order of keys."""
        return [flag for key in sorted(keys) if (flag := self.judge(minute, key))]

    def judge(self, minute: int, key: str) -> ErrorFlag | None:
        """Return why a minute stands out, in its least likely window; None if it does not."""
        p = self.parameters
        now = self._packed(minute, key)
        errors = now & _ERRORS
        if not errors or errors < p.min_share * (now >> ERROR_BITS):
            return None
        baseline = self._baseline(minute, key)
        cold = baseline.evidence(minute, self._model) < p.cold_requests
        least = p.cold_min_errors if cold else p.min_errors
        share = p.cold_min_share if cold else p.min_share
        best: tuple[float, int, Count, Expectation] | None = None
        for width, counted in self._windows(minute, key):
            if counted.errors < least or counted.errors < share * counted.requests:
                continue
            usual = baseline.expect(minute, counted.requests, self._model)
            if counted.errors < p.min_ratio * usual.mean:
                continue
            tail = usual.tail(counted.errors)
            if tail > self.budget.probability:
                continue
            if best is None or tail < best[0]:
                best = (tail, width, counted, usual)
        if best is None:
            return None
        tail, width, counted, usual = best
        floor = max(least, share * counted.requests, p.min_ratio * usual.mean)
        cut = usual.cut(self.budget.probability, math.ceil(floor))
        excess = counted.errors - usual.mean
        peak = Peak(minute, width, "errors", counted.errors, usual.mean, cut, tail, excess)
        return ErrorFlag(key, minute, self._first(minute, key, width), peak)

    def _windows(self, minute: int, key: str) -> Iterator[tuple[int, Count]]:
        """Walk the windows that end with a minute, from the shortest, each count read once."""
        series = self._series.get(key)
        final, pending = {} if series is None else series.recent, self._pending.cells
        packed = width = 0
        for wider in self.parameters.windows_min:
            for x in range(minute - width, minute - wider, -1):
                # As ``_packed``, without a call for each minute.
                counts = final.get(x, 0) if x < self._final else pending(x, WEB_LOGS).get(key, 0)
                # Neither half overflows: a window has far fewer than 2^31 errors.
                packed += counts
            width = wider
            yield width, _unpacked(packed)

    def _first(self, minute: int, key: str, width: int) -> int:
        for x in self._window(minute, width):
            cell = self.count(x, key)
            if cell.errors and cell.errors >= self.parameters.min_share * cell.requests:
                return x
        return minute

    def _baseline(self, minute: int, key: str) -> ShareBaseline:
        series = self._series.get(key)
        if series is None or minute - series.seen > self.parameters.forget_after_min:
            return ShareBaseline()
        return self._settled(series).baseline

    @staticmethod
    def _window(minute: int, width: int) -> range:
        return range(minute - width + 1, minute + 1)

    # -- snapshot and restore

    def touch(self) -> None:
        """Count every key as changed."""
        self._dirty.update(self._series)
        self.budget.touch()

    def take_changed(self) -> list[tuple[str, str]]:
        """Return key and state (JSON) of every key that changed; an empty state: forgotten."""
        changed = [(key, self._dump(self._series.get(key))) for key in sorted(self._dirty)]
        self._dirty.clear()
        return changed

    def _dump(self, series: Series | None) -> str:
        if series is None:
            return ""
        b = self._settled(series).baseline
        recent = [
            [minute, *_unpacked(count), int(minute in series.unlearned)]
            for minute, count in series.recent.items()
        ]
        sums = [b.requests, b.errors, b.scatter, b.scatter_weight, b.at]
        state = {"baseline": sums, "recent": recent, "seen": series.seen, "since": series.since}
        return dumped(state)

    def restore(self, key: str, state: str) -> None:
        """Take back a key's state."""
        read = loaded(state)
        series = Series(
            ShareBaseline(*read["baseline"]), seen=read["seen"], since=read.get("since", 0)
        )
        for minute, requests, errors, unlearned in read["recent"]:
            series.recent[minute] = requests << ERROR_BITS | errors
            if unlearned:
                series.unlearned.add(minute)
            if errors:
                self._hot.setdefault(minute, set()).add(key)
        self._series[key] = series

    def resume(self, final: int) -> None:
        """Take the boundary of final minutes that was in force when states were written."""
        self._final = final
        self._hot = {m: keys for m, keys in self._hot.items() if m >= final - self._reach}


def _unpacked(count: Packed) -> Count:
    return Count(count >> ERROR_BITS, count & _ERRORS)
