"""How far event time has come over all partitions, from the marks between the stages (rule 20)."""

from collections.abc import Mapping
from typing import Any

from pipeline.codecs.marks import StageMark
from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.feeds import Feed


class SourceMarks:
    """The latest mark of every input partition, and what they allow together.

    A partition that never spoke holds everything back until the longest idle timeout has passed
    since the start: it may only be slower than the others.
    """

    def __init__(self, rules: EventTimeRules, partitions: int) -> None:
        self._rules = rules
        self._partitions = partitions
        self._marks: dict[int, StageMark] = {}
        self._started: int | None = None
        self._patience_over = False
        self._closed: dict[Feed, int] = {}
        self._limit: int | None = None

    @property
    def closed_through(self) -> Mapping[Feed, int]:
        """Per feed, the watermark that every partition has passed."""
        return self._closed

    @property
    def limit(self) -> int | None:
        """The event time below which no row comes any more from any partition."""
        return self._limit

    def take(self, mark: StageMark) -> None:
        """Replace the mark of a partition."""
        self._marks[mark.partition] = mark
        self._settle()

    def tick(self, now: int) -> bool:
        """Take the wall clock; return whether partitions that never spoke are given up now."""
        if self._started is None:
            self._started = now
        patience = max(self._rules.idle_timeout[feed] for feed in self._rules.feeds)
        if not self._patience_over and now - self._started >= patience:
            self._patience_over = True
            self._settle()
            return len(self._marks) < self._partitions
        return False

    def snapshot(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return {
            "marks": [list(mark) for mark in self._marks.values()],
            "closed": dict(self._closed),
            "limit": self._limit,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take a snapshot."""
        self._marks = {}
        for partition, watermarks, idle, limit in state["marks"]:
            self._marks[partition] = StageMark(partition, watermarks, tuple(idle), limit)
        self._closed = dict(state["closed"])
        self._limit = state["limit"]

    def _settle(self) -> None:
        if len(self._marks) < self._partitions and not self._patience_over:
            return
        for feed in self._rules.feeds:
            speaking = [mark for mark in self._marks.values() if feed not in mark.idle]
            if speaking and all(feed in mark.watermarks for mark in speaking):
                reached = min(mark.watermarks[feed] for mark in speaking)
                self._closed[feed] = max(reached, self._closed.get(feed, reached))
        awake = [mark for mark in self._marks.values() if set(self._rules.feeds) - set(mark.idle)]
        limits = [mark.limit for mark in awake]
        if limits and None not in limits:
            smallest = min(limit for limit in limits if limit is not None)
            self._limit = smallest if self._limit is None else max(smallest, self._limit)
