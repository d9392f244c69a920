"""How far event time has come: one watermark per feed, and the task's (semantics rules 14 to 18).

rows (feeds with out-of-orderness) ─┐
marks ──────────────────────────────┼─▶ watermark per feed ─▶ smallest that is not idle
wall clock ─▶ idle or not ──────────┘
"""

from collections.abc import Mapping
from typing import Any

from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.feeds import Feed


class Watermarks:
    """Watermarks of one partition. None of them ever goes back."""

    def __init__(self, rules: EventTimeRules) -> None:
        self._rules = rules
        self._feed: dict[Feed, int] = {}
        self._largest: dict[Feed, int] = {}
        self._heard: dict[Feed, int] = {}
        self._spoken: set[Feed] = set()
        self._idle: set[Feed] = set()
        self._task: int | None = None

    @property
    def feeds(self) -> Mapping[Feed, int]:
        """The watermark of every feed that has one."""
        return self._feed

    @property
    def idle(self) -> tuple[Feed, ...]:
        """The configured feeds that hold nothing back now."""
        return tuple(feed for feed in self._rules.feeds if feed in self._idle)

    @property
    def task(self) -> int | None:
        """The smallest watermark of the feeds that are not idle; None while one never spoke."""
        return self._task

    @property
    def limit(self) -> int | None:
        """The event time below which a row is late; None while nothing can be."""
        return None if self._task is None else self._rules.limit(self._task)

    @property
    def largest(self) -> int | None:
        """The largest event time of any row so far."""
        return max(self._largest.values(), default=None)

    def rows(self, feed: Feed, largest: int) -> None:
        """Take the largest event time of a chunk's rows."""
        self._speak(feed)
        self._largest[feed] = max(largest, self._largest.get(feed, largest))
        delay = self._rules.out_of_orderness.get(feed)
        if delay is not None:
            self._raise(feed, self._largest[feed] - delay)
        self._settle()

    def mark(self, feed: Feed, at: int) -> None:
        """Take a mark of the agent that feeds this topic."""
        self._speak(feed)
        self._raise(feed, at)
        self._settle()

    def tick(self, now: int) -> bool:
        """Take the wall clock; return whether a feed turned idle."""
        before = len(self._idle)
        for feed in self._rules.feeds:
            if feed in self._spoken or feed not in self._heard:
                self._heard[feed] = now
            elif now - self._heard[feed] >= self._rules.idle_timeout[feed]:
                self._idle.add(feed)
        self._spoken.clear()
        self._settle()
        return len(self._idle) > before

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON values; who is idle is found anew after a restore."""
        return {"feed": dict(self._feed), "largest": dict(self._largest), "task": self._task}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take a snapshot; every feed counts as heard from then on."""
        self._feed = dict(state["feed"])
        self._largest = dict(state["largest"])
        self._task = state["task"]

    def _speak(self, feed: Feed) -> None:
        self._spoken.add(feed)
        self._idle.discard(feed)

    def _raise(self, feed: Feed, at: int) -> None:
        self._feed[feed] = max(at, self._feed.get(feed, at))

    def _settle(self) -> None:
        counting = [feed for feed in self._rules.feeds if feed not in self._idle]
        if not counting or any(feed not in self._feed for feed in counting):
            return
        smallest = min(self._feed[feed] for feed in counting)
        self._task = smallest if self._task is None else max(self._task, smallest)
