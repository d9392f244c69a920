"""Which events are published already, as far as they can come again.

They come again where windows overlap: at the end of the last round, and at the edges of pages. The
ids of each transaction are written with it, as one record in a numbered slot; a slot is used again
when none of its events can come again. So the records are as many as an overlap needs and not as
there are courses, and memory holds the ids of an overlap.
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pipeline.ingest.course_audit.round import Round


class Seen(NamedTuple):
    """An event that is published: in which round, of which subject, its time, its slot."""

    round: int
    subject: int
    at: int
    slot: int


@dataclass(slots=True)
class SeenEvents:
    """Ids of 32 hex digits that were published, with those of the transaction that is next."""

    _events: dict[str, Seen] = field(default_factory=dict)
    _slots: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    _pending: dict[str, tuple[int, int]] = field(default_factory=dict)
    _pruned_at: int = 0

    def __len__(self) -> int:
        return len(self._events) + len(self._pending)

    def __contains__(self, event: str) -> bool:
        return event in self._events or event in self._pending

    def add(self, event: str, subject: int, at: int) -> None:
        """Take an event that the next transaction publishes."""
        self._pending[event] = (subject, at)

    def load(self, slot: int, state: Mapping[str, Any]) -> None:
        """Take a slot as ``take`` gave it."""
        for subject, listed in state["events"].items():
            for event, at in listed:
                self._hold(event, Seen(state["round"], int(subject), at, slot))

    def take(self, number: int) -> tuple[int, str] | None:
        """Return slot and state of what was added; None if nothing was."""
        if not self._pending:
            return None
        slot = next(slot for slot in itertools.count() if not self._slots.get(slot))
        events: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for event, (subject, at) in self._pending.items():
            events[str(subject)].append((event, at))
            self._hold(event, Seen(number, subject, at, slot))
        self._pending = {}
        return slot, json.dumps({"round": number, "events": events}, separators=(",", ":"))

    def prune(self, now: Round) -> None:
        """Forget what cannot come again, when it has doubled since the last time."""
        if len(self._events) < 2 * self._pruned_at:
            return
        gone = [event for event, seen in self._events.items() if not _may_return(seen, now)]
        for event in gone:
            self._slots[self._events.pop(event).slot] -= 1
        self._pruned_at = max(len(self._events), 1_000)

    def _hold(self, event: str, seen: Seen) -> None:
        known = self._events.get(event)
        if known is not None:
            self._slots[known.slot] -= 1
        self._events[event] = seen
        self._slots[seen.slot] += 1


def _may_return(seen: Seen, now: Round) -> bool:
    if seen.at >= now.until - now.overlap:
        return True
    if seen.round < now.number and seen.at >= now.since:
        return True
    debt = now.behind.get(seen.subject)
    windows: Iterable[Any] = now.windows if seen.subject == now.current else ()
    owed: Iterable[Any] = () if debt is None else debt.windows
    return any(window.has(seen.at) for window in itertools.chain(windows, owed))
