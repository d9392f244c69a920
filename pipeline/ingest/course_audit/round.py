"""Where the agent stands: one round over all accounts or courses, and what it owes.

    since ─────────────── until          every subject's events of that time, subjects by id
      └ overlap before the last until

A subject that Canvas would not show, or failed to, is *behind*: its windows are kept and asked for
again with the next round, so that no time is ever skipped.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from pipeline.domain.event_time import MICROS
from pipeline.ingest.course_audit.options import FIRST_SPAN, AuditOptions
from pipeline.ingest.course_audit.windows import Window, joined

Why = Literal["refused", "failing"]


class Debt(NamedTuple):
    """Windows of a subject that could not be read, and why."""

    why: Why
    windows: list[Window]


@dataclass(slots=True)
class Round:
    """One round; it is written with every transaction.

    ``position`` is the last subject that is done, ``current`` the one under way with what is left
    of it in ``windows``, newest first. ``overlap`` is how far the next round may reach back: so far
    ids are held. ``mark`` is the last one published.
    """

    number: int
    target: str
    since: int
    until: int
    overlap: int
    done: bool = False
    position: int | None = None
    current: int | None = None
    windows: list[Window] = field(default_factory=list)
    behind: dict[int, Debt] = field(default_factory=dict)
    mark: int | None = None

    def next(self, options: AuditOptions, until: int) -> "Round":
        """Return the round after this one, to an instant that never goes back."""
        return replace(
            self,
            number=self.number + 1,
            target=options.target,
            since=self.until - min(self.overlap, options.overlap),
            until=max(until, self.until),
            overlap=options.overlap,
            done=False,
            position=None,
            current=None,
            windows=[],
        )

    def begin(self, subject: int) -> None:
        """Turn to a subject: the round's window and what is owed of it, or where it was left."""
        if self.current == subject:
            return
        debt = self.behind.get(subject)
        owed = [] if debt is None else debt.windows
        self.current = subject
        self.windows = joined([Window(self.since, self.until), *owed])

    def finish(self, subject: int, why: Why | None = None) -> None:
        """Leave a subject; with a reason, what is left of it is owed."""
        if why is None:
            self.behind.pop(subject, None)
        else:
            self.behind[subject] = Debt(why, self.windows)
        self.position, self.current, self.windows = subject, None, []

    def left(self, subjects: Sequence[int]) -> list[int]:
        """Return the subjects that are not done, in order."""
        done = self.position
        return [one for one in subjects if done is None or one > done]

    def complete_to(self) -> int:
        """Return the time up to which nothing more is expected (semantics rule 17)."""
        failing = [
            debt.windows[-1].start
            for debt in self.behind.values()
            if debt.why == "failing" and debt.windows
        ]
        return min([self.until - self.overlap, *failing])

    def to_json(self) -> str:
        """Return it as text, for the cursor."""
        state = {name: getattr(self, name) for name in self.__slots__ if name != "behind"}
        state["behind"] = {str(one): [debt.why, debt.windows] for one, debt in self.behind.items()}
        return json.dumps(state, separators=(",", ":"))


def first_round(options: AuditOptions, until: int) -> Round:
    """Return the first round of all."""
    since = until - FIRST_SPAN if options.since is None else min(options.since, until)
    return Round(1, options.target, since, until, options.overlap)


def read_round(state: Mapping[str, Any]) -> Round:
    """Return what ``to_json`` wrote."""
    known = {name: state[name] for name in Round.__slots__ if name in state}
    known["windows"] = _windows(state["windows"])
    known["behind"] = {
        int(subject): Debt(why, _windows(windows))
        for subject, (why, windows) in state["behind"].items()
    }
    return Round(**known)


def whole_second(instant: int) -> int:
    """Return the instant without its fraction: Canvas shows none."""
    return instant // MICROS * MICROS


def _windows(listed: Sequence[Sequence[int]]) -> list[Window]:
    return [Window(start, end) for start, end in listed]
