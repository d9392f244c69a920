"""Detector: one person acts as unusually many users in a short time, or writes much as others.

Targets and writes only grow, so a burst is reported by the update that crosses the cut, seconds
after the event; web_logs of the same requests confirm it hours later in the same alert. Baselines
learn from final minutes only, and never from those that were flagged. As in ``fan_out`` a person's
mean leans on everybody's (``help_baseline``: shrinkage of a Gamma mean, Efron & Morris 1975).
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Final

from pipeline.detect.alarm_budget import BUDGET
from pipeline.detect.episode_finding import known_since
from pipeline.detect.episodes import Episode, EpisodeBook
from pipeline.detect.finding import Finding
from pipeline.detect.masquerade_scope import FeedCount, MasqueradeScope
from pipeline.detect.masquerade_words import masquerade_finding
from pipeline.detect.rules import MasqueradeBurstRule
from pipeline.detect.signals import SAMPLED, Signals
from pipeline.detect.state_text import dumped, loaded
from pipeline.domain.feeds import Feed

EPISODES: Final = ".episodes"
"""Suffix of the detector name under which episodes are kept."""

_Row = tuple[int, str, str, FeedCount]


class MasqueradeBurst:
    """One masquerade burst rule."""

    def __init__(self, rule: MasqueradeBurstRule) -> None:
        self.rules: tuple[str, ...] = (rule.id,)
        self._rule = rule
        self._scope = MasqueradeScope(rule)
        self._book = EpisodeBook(rule.parameters.quiet_min)
        self._closed = 0
        self._final = 0
        self._ended: list[Finding] = []

    def observe(self, signals: Signals) -> None:
        """Take restated minutes that are not final."""
        for minute, key, feed, count in self._rows(signals):
            if minute >= self._final:
                self._scope.observe(minute, key, feed, count)

    def close(self, through: Mapping[Feed, int]) -> None:
        """Take how far the feeds are closed (minutes); the fastest tells when a burst is over."""
        self._closed = max(self._closed, *(through.get(feed, 0) for feed in self._rule.feeds))

    def finalise(self, signals: Signals, through: int) -> None:
        """Judge final minutes for good, in order, and learn from them."""
        rows = sorted(self._rows(signals), key=lambda row: row[:3])
        for minute, of_minute in groupby(rows, key=lambda row: row[0]):
            self._settle(minute)
            self._final_minute(minute, list(of_minute))
        self._settle(through)
        self._final = max(self._final, through)
        self._scope.end_final(through)

    def _final_minute(self, minute: int, rows: list[_Row]) -> None:
        self._scope.begin_final(minute)
        people = []
        for key, of_key in groupby(rows, key=lambda row: row[1]):
            self._scope.add_final(minute, key, {feed: count for _, _, feed, count in of_key})
            people.append(key)
        self._scope.budget.count(minute, len(people))
        for key in people:
            first = self._judge(self._book, minute, key)
            if first is not None and not self._is_usual_by_now(key, minute):
                self._scope.leave_out(key, range(first, minute + 1))

    def _is_usual_by_now(self, key: str, minute: int) -> bool:
        episode = self._book.open(self._rule.id, key)
        lasted = 0 if episode is None else minute - episode.first
        return lasted > self._rule.parameters.adapt_after_min

    def _settle(self, minute: int) -> None:
        for episode in self._book.settle(minute):
            self._ended.append(self._finding(self._book, episode, final=True))

    def _judge(self, book: EpisodeBook, minute: int, key: str) -> int | None:
        """Judge a minute; return the first minute of its evidence if it stands out."""
        flag = self._scope.judge(minute, key)
        if flag is None:
            return None
        episode = book.flag(self._rule.id, key, minute, flag.first, flag.peak)
        for x in range(max(flag.first, episode.counted + 1), minute + 1):
            self._count(episode, x)
        episode.counted = minute
        return flag.first

    def _count(self, episode: Episode, minute: int) -> None:
        cell = self._scope.cell(minute, episode.key)
        for feed in sorted(cell):
            count = cell[feed]
            episode.seen_in(feed)
            episode.total(f"rows.{feed}", count.rows)
            episode.total(f"writes.{feed}", count.writes)
            episode.sample(list(count.request_ids), list(count.session_ids))
        for target in sorted({target for count in cell.values() for target in count.targets}):
            episode.part(target, 1)

    def findings(self) -> list[Finding]:
        """Return all bursts as of now; those that became final are returned once."""
        book = self._book.copy()
        suspects = self._scope.suspects()
        ended: list[Episode] = []
        for minute in sorted(suspects):
            ended += book.settle(minute)
            for key in sorted(suspects[minute]):
                self._judge(book, minute, key)
        ended += book.settle(self._closed)
        running = [one for one in book if not one.ended]
        now = [self._finding(book, one, final=False) for one in (*ended, *running)]
        finished, self._ended = self._ended, []
        return finished + now

    def _finding(self, book: EpisodeBook, episode: Episode, *, final: bool) -> Finding:
        found = masquerade_finding(
            self._rule,
            episode,
            resolved_min=book.end_of(episode) if episode.ended else None,
            final=final,
        )
        return known_since(found, self._scope.since(episode.key))

    def _rows(self, signals: Signals) -> Iterator[_Row]:
        feeds: tuple[Feed, ...] = self._rule.feeds
        rows = signals.rows(self._rule, self._rule.dimension, feeds)
        if not len(rows):
            return
        counts = [signals.counts(rows, name).tolist() for name in ("rows", "writes", "members")]
        keys, names = rows.keys.some(0, len(rows)), ("members", *SAMPLED)
        lists = [signals.lists(rows, name).some(0, len(rows)) for name in names]
        for run in signals.runs(rows, feeds):
            for at in range(run.first, run.last):
                key = keys[at]
                count, writes, distinct = (column[at] for column in counts)
                members, ids, sessions = (column[at] for column in lists)
                targets = tuple(member for member in members if member != key)
                yield (
                    run.minute,
                    key,
                    run.feed,
                    FeedCount(count, writes, targets, distinct, ids, sessions),
                )

    # -- snapshot and restore

    def touch(self) -> None:
        """Count every state as changed."""
        self._scope.touch()
        self._book.touch()

    def take_states(self) -> list[tuple[str, str, str]]:
        """Return detector name, key and state (JSON) of all that changed; empty: forgotten."""
        states = [(self._rule.id, key, state) for key, state in self._scope.take_changed()]
        states += self._scope.budget.take_states(self._rule.id)
        for rule_id, key in sorted(self._book.changed):
            episodes = self._book.dump((rule_id, key))
            states.append((rule_id + EPISODES, key, dumped(episodes or None)))
        self._book.changed.clear()
        return states

    def restore(self, name: str, key: str, state: str) -> None:
        """Take back one state; names of other detectors are none of ours."""
        if name == self._rule.id:
            self._scope.restore(key, state)
        elif name == self._rule.id + EPISODES:
            self._book.load(self._rule.id, key, loaded(state))
        elif name == self._rule.id + BUDGET:
            self._scope.budget.load(loaded(state))

    def resume(self, closed: Mapping[Feed, int], final: int) -> None:
        """Take the moment that the restored states speak of (minutes)."""
        self.close(closed)
        self._final = final
        self._scope.resume(final)
