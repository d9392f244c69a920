"""Detector: more errors of one status class than a key's requests usually bring.

A family is a rule on the whole instance, a rule on its parts, or both together; only one of the
two reports a given cause (``attribution``). Minutes are judged once they are closed, since a
share of an unfinished minute means little, and again when they are final; baselines learn from
final minutes that no rule of the family flagged. A level that stays new for hours is learned
after all: then it is no spike any more. Errors around a rate that is itself uncertain are negative
binomial (Greenwood and Yule, J. R. Stat. Soc. 83 (1920) 255).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final

import numpy as np

from pipeline.detect.alarm_budget import BUDGET
from pipeline.detect.attribution import culprits, is_seam
from pipeline.detect.cell_runs import CellRun, counted
from pipeline.detect.episode_finding import known_since
from pipeline.detect.episodes import Episode, EpisodeBook
from pipeline.detect.error_scope import ERROR_BITS, ErrorFlag, ErrorScope, Packed
from pipeline.detect.error_spike_words import error_finding
from pipeline.detect.finding import Finding
from pipeline.detect.rules import ErrorSpikeRule
from pipeline.detect.signals import Signals
from pipeline.detect.state_text import dumped, loaded
from pipeline.domain.feeds import WEB_LOGS, Feed

EPISODES: Final = ".episodes"
"""Suffix of the detector name under which a rule's episodes are kept."""


_Run = tuple[str, int, CellRun[Packed]]
"""Dimension, minute, and the counts of some of its keys."""


class ErrorSpike:
    """A family of error spike rules: ``whole`` (dimension all), ``parts``, or both."""

    def __init__(self, whole: ErrorSpikeRule | None, parts: ErrorSpikeRule | None) -> None:
        given = [rule for rule in (whole, parts) if rule is not None]
        self.rules = tuple(rule.id for rule in given)
        self._whole = ErrorScope(whole) if whole else None
        self._parts = ErrorScope(parts) if parts else None
        self._scopes = [scope for scope in (self._whole, self._parts) if scope]
        self._by_dimension: dict[str, ErrorScope] = {
            scope.rule.dimension: scope for scope in self._scopes
        }
        self._by_id = {scope.rule.id: scope for scope in self._scopes}
        self._book = EpisodeBook(max(rule.parameters.quiet_min for rule in given))
        self._column = f"status_{given[0].parameters.status_class}"
        self._floor = min(rule.parameters.min_share for rule in given)
        self._closed = 0
        self._final = 0
        self._ended: list[Finding] = []

    # -- what comes in

    def observe(self, signals: Signals) -> None:
        """Take restated minutes that are not final."""
        for dimension, minute, counts in self._runs(signals):
            if minute >= self._final:
                self._by_dimension[dimension].observe(minute, counts)

    def close(self, through: Mapping[Feed, int]) -> None:
        """Take how far the feed is closed (minutes)."""
        self._closed = max(self._closed, through.get(WEB_LOGS, 0))

    def finalise(self, signals: Signals, through: int) -> None:
        """Judge final minutes for good, in order, and learn from them."""
        runs = sorted(self._runs(signals), key=lambda run: run[1])
        for minute, of_minute in groupby(runs, key=lambda run: run[1]):
            self._settle(minute)
            self._final_minute(minute, list(of_minute))
        self._settle(through)
        self._final = max(self._final, through)
        for scope in self._scopes:
            scope.end_final(through)

    def _final_minute(self, minute: int, runs: list[_Run]) -> None:
        for scope in self._scopes:
            scope.begin_final(minute)
        for dimension, _, counts in runs:
            self._by_dimension[dimension].add_final(minute, list(counts.pairs()))
        flags = {
            scope.rule.id: scope.flags(minute, scope.keys_with_errors(minute))
            for scope in self._scopes
        }
        self._apply(self._book, self._reported(flags))
        self._leave_out(flags)

    def _leave_out(self, flags: Mapping[str, Sequence[ErrorFlag]]) -> None:
        for rule_id, found in flags.items():
            scope = self._by_id[rule_id]
            for flag in found:
                if self._is_new_level(flag):
                    continue
                minutes = range(flag.first, flag.minute + 1)
                scope.leave_out(flag.key, minutes)
                if scope is self._whole and self._parts:
                    for minute in minutes:
                        for key in self._parts.keys_with_errors(minute):
                            self._parts.leave_out(key, [minute])

    def _is_new_level(self, flag: ErrorFlag) -> bool:
        return any(
            not episode.ended
            and flag.minute - episode.first > self._by_id[episode.rule].parameters.adapt_after_min
            for episode in self._book
        )

    def _settle(self, minute: int) -> None:
        for episode in self._book.settle(minute):
            if not is_seam(episode, self._book.neighbours(episode)):
                self._ended.append(self._finding(self._book, episode, final=True))

    # -- judgement of one minute

    def _reported(
        self, flags: Mapping[str, Sequence[ErrorFlag]]
    ) -> list[tuple[ErrorScope, ErrorFlag]]:
        whole = flags.get(self._whole.rule.id, ()) if self._whole else ()
        parts = flags.get(self._parts.rule.id, ()) if self._parts else ()
        if self._whole and self._parts and whole and parts:
            parts = culprits(whole[0], parts, self._whole, self._parts)
            whole = () if parts else whole
        elif whole:
            parts = ()
        reported = [(self._whole, flag) for flag in whole]
        reported += [(self._parts, flag) for flag in parts]
        return [(scope, flag) for scope, flag in reported if scope]

    def _apply(self, book: EpisodeBook, reported: Iterable[tuple[ErrorScope, ErrorFlag]]) -> None:
        for scope, flag in reported:
            episode = book.flag(scope.rule.id, flag.key, flag.minute, flag.first, flag.peak)
            episode.seen_in(WEB_LOGS)
            episode.sample(*scope.worth.samples(flag.minute, flag.key))
            for minute in range(max(flag.first, episode.counted + 1), flag.minute + 1):
                count = scope.count(minute, flag.key)
                usual = scope.expect(minute, flag.key, count.requests).mean
                episode.total("requests", count.requests)
                episode.total("errors", count.errors)
                episode.total("expected", usual)
                episode.excess += count.errors - usual
                if scope is self._whole and self._parts:
                    for key in sorted(self._parts.keys_with_errors(minute)):
                        episode.part(key, self._parts.count(minute, key).errors)
            episode.counted = flag.minute

    # -- what is known now

    def findings(self) -> list[Finding]:
        """Return all episodes as of now; those that became final are returned once."""
        book = self._book.copy()
        minutes = sorted({m for scope in self._scopes for m in scope.suspects(self._closed)})
        ended: list[Episode] = []
        for minute in minutes:
            ended += book.settle(minute)
            flags = {scope.rule.id: scope.provisional(minute) for scope in self._scopes}
            self._apply(book, self._reported(flags))
        ended += book.settle(self._closed)
        running = [one for one in book if not one.ended]
        now = [
            self._finding(book, one, final=False)
            for one in (*ended, *running)
            if not is_seam(one, book.neighbours(one))
        ]
        finished, self._ended = self._ended, []
        return finished + now

    def _finding(self, book: EpisodeBook, episode: Episode, *, final: bool) -> Finding:
        scope = self._by_id[episode.rule]
        found = error_finding(
            scope.rule,
            episode,
            resolved_min=book.end_of(episode) if episode.ended else None,
            final=final,
        )
        return known_since(found, scope.since(episode.key))

    # -- rows

    def _runs(self, signals: Signals) -> Iterator[_Run]:
        """Walk the rows of one dimension and minute at a time; note those worth a look."""
        for dimension, scope in self._by_dimension.items():
            rows = signals.rows(scope.rule, dimension, (WEB_LOGS,))
            requests = signals.counts(rows, "rows")
            errors = signals.counts(rows, self._column)
            minutes = signals.minutes[rows.places]
            at = np.flatnonzero((errors > 0) & (errors >= self._floor * requests))
            if len(at):
                scope.worth.put(minutes[at], signals.sampled(rows, at))
            counts = counted((requests << ERROR_BITS) | errors)
            for run in signals.runs(rows, (WEB_LOGS,)):
                yield dimension, run.minute, CellRun(rows.keys, counts, run.first, run.last)

    # -- snapshot and restore

    def touch(self) -> None:
        """Count every state as changed."""
        for scope in self._scopes:
            scope.touch()
        self._book.touch()

    def take_states(self) -> list[tuple[str, str, str]]:
        """Return detector name, key and state (JSON) of all that changed; empty: forgotten."""
        states = [
            (scope.rule.id, key, state)
            for scope in self._scopes
            for key, state in scope.take_changed()
        ]
        for scope in self._scopes:
            states += scope.budget.take_states(scope.rule.id)
        for rule_id, key in sorted(self._book.changed):
            episodes = self._book.dump((rule_id, key))
            states.append((rule_id + EPISODES, key, dumped(episodes or None)))
        self._book.changed.clear()
        return states

    def restore(self, name: str, key: str, state: str) -> None:
        """Take back one state; names of other detectors are none of ours."""
        if name in self._by_id:
            self._by_id[name].restore(key, state)
        elif name.removesuffix(EPISODES) in self._by_id:
            self._book.load(name.removesuffix(EPISODES), key, loaded(state))
        elif name.removesuffix(BUDGET) in self._by_id:
            self._by_id[name.removesuffix(BUDGET)].budget.load(loaded(state))

    def resume(self, closed: Mapping[Feed, int], final: int) -> None:
        """Take the moment that the restored states speak of (minutes)."""
        self._closed = closed.get(WEB_LOGS, 0)
        self._final = final
        for scope in self._scopes:
            scope.resume(final)
