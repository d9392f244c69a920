"""The frame of the generic detectors: one or two scopes over one stream, and their episodes.

A family is a rule on its own, or a rule on a whole and one on its parts (``part_of``), of which
one reports a given cause: the parts, if at most a few of them explain most of the excess; else the
whole, with the parts as its contributors. So a rule does not raise hundreds of alerts of one
cause; and what nobody foresaw is bounded by ``max_alerts_per_hour``: keys beyond it become
contributors of one alert, with the key ``MANY``.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pipeline.detect.attribution import is_seam
from pipeline.detect.episodes import Episode, EpisodeBook
from pipeline.detect.evidence import MANY
from pipeline.detect.finding import Finding
from pipeline.detect.scope import Flag, Scope
from pipeline.detect.signals import Signals
from pipeline.detect.state_text import dumped, loaded
from pipeline.detect.watch_words import watch_finding
from pipeline.domain.feeds import Feed

EPISODES: Final = ".episodes"
MINUTES: Final = ".minutes"
WHOLE: Final = ".whole"
"""Suffixes of the detector name under which parts of a rule's state are kept; levels have none."""

AnyScope = Scope[Any]
Flags = Mapping[str, Sequence[Flag]]


class Watch:
    """The rules of one family."""

    def __init__(self, whole: AnyScope | None, parts: AnyScope | None = None) -> None:
        self._scopes = [scope for scope in (whole, parts) if scope is not None]
        self._whole, self._parts = whole, parts
        self.rules = tuple(scope.rule.id for scope in self._scopes)
        self._by_id = {scope.rule.id: scope for scope in self._scopes}
        self._book = EpisodeBook(max(s.rule.parameters.quiet_min for s in self._scopes))
        self._feeds = {feed for scope in self._scopes for feed in scope.feeds}
        self._closed = 0
        self._final = 0
        self._ended: list[Finding] = []

    # -- what comes in

    def observe(self, signals: Signals) -> None:
        """Take restated minutes that are not final."""
        for scope in self._scopes:
            scope.observe(signals)

    def close(self, through: Mapping[Feed, int]) -> None:
        """Take how far the feeds are closed (minutes); the fastest tells when it is over."""
        self._closed = max(self._closed, *(through.get(feed, 0) for feed in self._feeds))

    def finalise(self, signals: Signals, through: int) -> None:
        """Judge final minutes for good, in order, and learn from them."""
        minutes: set[int] = set()
        for scope in self._scopes:
            minutes |= scope.arrive(signals)
        since = self._final or min(minutes, default=through)
        for scope in self._scopes:
            minutes.update(scope.ticks(since, through))
        for minute in sorted(minutes):
            if minute >= self._final:
                self._settle(minute)
                self._final_minute(minute)
        self._settle(through)
        self._final = max(self._final, through)
        for scope in self._scopes:
            scope.end_final(through)

    def _final_minute(self, minute: int) -> None:
        for scope in self._scopes:
            scope.begin_final(minute)
        flags = {scope.rule.id: scope.flags(minute) for scope in self._scopes}
        self._apply(self._book, flags)
        for rule_id, found in flags.items():
            for flag in found:
                if not self._is_usual_by_now(rule_id, flag):
                    self._leave_out(self._by_id[rule_id], flag)

    def _leave_out(self, scope: AnyScope, flag: Flag) -> None:
        minutes = range(flag.first, flag.minute + 1)
        scope.leave_out(flag.key, minutes)
        if scope is self._whole and self._parts:
            for minute in minutes:
                for key in self._parts.cells.keys(minute):
                    self._parts.leave_out(key, [minute])

    def _is_usual_by_now(self, rule_id: str, flag: Flag) -> bool:
        adapt_after = self._by_id[rule_id].rule.parameters.adapt_after_min
        episode = self._book.open(rule_id, flag.key) or self._book.open(rule_id, MANY)
        return episode is not None and flag.minute - episode.first > adapt_after

    def _settle(self, minute: int) -> None:
        for episode in self._book.settle(minute):
            if not self._is_edge(self._book, episode):
                self._ended.append(self._finding(self._book, episode, final=True))

    def _is_edge(self, book: EpisodeBook, episode: Episode) -> bool:
        return len(self._scopes) > 1 and is_seam(episode, book.neighbours(episode))

    # -- judgement of one minute

    def _apply(self, book: EpisodeBook, flags: Flags) -> None:
        whole = flags.get(self._whole.rule.id, ()) if self._whole else ()
        parts = flags.get(self._parts.rule.id, ()) if self._parts else ()
        if whole and self._parts:
            explained = self._explained(book, self._parts, whole[0], parts)
            whole, parts = ((), parts) if explained else (whole, ())
        for scope, found in ((self._whole, whole), (self._parts, parts)):
            for flag in found:
                if scope is not None:
                    self._report(book, scope, flag)

    @staticmethod
    def _explained(book: EpisodeBook, scope: AnyScope, whole: Flag, parts: Sequence[Flag]) -> bool:
        """Return whether a few parts make most of the whole's excess.

        Parts that were reported a moment ago count too: what is left of a burst in the window is
        no other cause.
        """
        p, minute = scope.rule.parameters, whole.minute
        excess = {flag.key: _excess(flag) for flag in parts}
        for one in book:
            if one.rule == scope.rule.id and not one.ended and one.key not in excess:
                excess[one.key] = scope.excess(minute, one.key)
        most = sorted(excess.values(), reverse=True)
        return sum(most[: p.max_culprits]) >= p.explained_share * _excess(whole)

    def _report(self, book: EpisodeBook, scope: AnyScope, flag: Flag) -> None:
        rule_id, key = scope.rule.id, _subject(book, scope, flag)
        episode = book.flag(rule_id, key, flag.minute, flag.first, flag.peak)
        for feed in scope.feeds_of(range(flag.first, flag.minute + 1), flag.key):
            episode.seen_in(feed)
        episode.sample(*scope.samples(flag.minute, flag.key))
        if key == MANY:
            episode.part(flag.key, max(1, round(flag.peak.observed)))
            return
        for minute in range(max(flag.first, episode.counted + 1), flag.minute + 1):
            scope.tell(episode, minute, flag.key)
            if scope is self._whole and self._parts:
                for part in sorted(self._parts.cells.keys(minute)):
                    episode.part(part, self._parts.amount(minute, part))
        episode.counted = flag.minute
        episode.excess += _excess(flag) / max(1, flag.peak.window_min)

    # -- what is known now

    def findings(self) -> list[Finding]:
        """Return all episodes as of now; those that became final are returned once."""
        minutes = sorted({m for scope in self._scopes for m in scope.suspects(self._closed)})
        now: list[Finding] = []
        found = {scope.rule.id: scope.flagged(minutes) for scope in self._scopes}
        flagged = {
            minute: {rule_id: flags.get(minute, ()) for rule_id, flags in found.items()}
            for minute in sorted(set[int]().union(*found.values()))
        }
        if flagged or self._book:
            now = self._told(flagged)
        finished, self._ended = self._ended, []
        return finished + now

    def _told(self, flagged: Mapping[int, Flags]) -> list[Finding]:
        book = self._book.copy()
        ended: list[Episode] = []
        for minute, flags in flagged.items():
            ended += book.settle(minute)
            self._apply(book, flags)
        ended += book.settle(self._closed)
        running = [one for one in book if not one.ended]
        return [
            self._finding(book, one, final=False)
            for one in (*ended, *running)
            if not self._is_edge(book, one)
        ]

    def _finding(self, book: EpisodeBook, episode: Episode, *, final: bool) -> Finding:
        return watch_finding(
            self._by_id[episode.rule],
            episode,
            resolved_min=book.end_of(episode) if episode.ended else None,
            final=final,
        )

    # -- snapshot and restore

    def take_states(self) -> list[tuple[str, str, str]]:
        """Return detector name, key and state (JSON) of all that changed; empty: forgotten."""
        states = [one for scope in self._scopes for one in _states(scope)]
        for rule_id, key in sorted(self._book.changed):
            state = dumped(self._book.dump((rule_id, key)) or None)
            states.append((rule_id + EPISODES, key, state))
        self._book.changed.clear()
        return states

    def touch(self) -> None:
        """Make everything part of the next states, as if all of it had changed."""
        for scope in self._scopes:
            scope.touch()
        self._book.touch()

    def restore(self, name: str, key: str, state: str) -> None:
        """Take back one state; names of other detectors are none of ours."""
        rule_id, _, kind = name.partition(".")
        scope = self._by_id.get(rule_id)
        if scope is None:
            return
        value = loaded(state)
        if not kind:
            scope.load_key(key, value)
        elif f".{kind}" == MINUTES:
            scope.load_minute(int(key), value)
        elif f".{kind}" == WHOLE:
            scope.load_whole(value)
        else:
            self._book.load(rule_id, key, value)

    def resume(self, closed: Mapping[Feed, int], final: int) -> None:
        """Take the moment that the restored states speak of (minutes)."""
        self.close(closed)
        self._final = final
        for scope in self._scopes:
            scope.resume(final)


def _subject(book: EpisodeBook, scope: AnyScope, flag: Flag) -> str:
    """Return the key under which a flag is reported: its own, or ``MANY`` once too many have."""
    rule_id = scope.rule.id
    if book.open(rule_id, flag.key) is not None:
        return flag.key
    crowd = book.open(rule_id, MANY)
    if crowd is not None and flag.key in crowd.parts:
        return MANY
    hour = flag.minute // 60
    opened = sum(
        one.rule == rule_id and one.key != MANY and one.opened // 60 == hour for one in book
    )
    return flag.key if opened < scope.rule.parameters.max_alerts_per_hour else MANY


def _excess(flag: Flag) -> float:
    return flag.peak.observed - flag.peak.expected


def _states(scope: AnyScope) -> Iterable[tuple[str, str, str]]:
    name = scope.rule.id
    for key in sorted(scope.dirty):
        yield name, key, dumped(scope.dump_key(key))
    scope.dirty.clear()
    for minute, state in scope.take_minutes():
        yield name + MINUTES, str(minute), dumped(state)
    if scope.whole_dirty:
        scope.whole_dirty = False
        yield name + WHOLE, "", dumped(scope.dump_whole())
