"""Alerts that a rule's suppression keeps back because an earlier one was just told.

Whether one is kept back depends on windows in event time alone, not on when it was found, so
runs over the same statistics keep back the same. The time counts from the end of the alert that
was published; its alerts' own quiet minutes are the least, for within them it may still grow.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from pipeline.detect.finding import Finding
from pipeline.detect.rules import AnyRule
from pipeline.detect.state_text import dumped
from pipeline.domain.event_time import MINUTE

MAX_KEPT: Final = 1000
"""Alerts kept back that one subject remembers, for their count alone; later ones are not added."""

KEPT: Final = "kept"
"""Begin of the keys under which counts are kept beside the alerts."""

Subject = tuple[str, str]
"""Rule id, and the key if the rule's suppression is per key."""


class Told(NamedTuple):
    """Window of an alert that was published and is final (microseconds)."""

    subject: Subject
    start: int
    end: int


def subject_of(rule: AnyRule, key: str) -> Subject:
    """Return whose alerts keep each other back."""
    per_rule = rule.suppression is not None and rule.suppression.per == "rule"
    return (rule.id, "" if per_rule else key)


def reach(rule: AnyRule) -> int:
    """Return for how long after its end an alert keeps others back; 0: the rule has none."""
    if rule.suppression is None:
        return 0
    return max(rule.suppression.for_min, rule.parameters.quiet_min) * MINUTE


class Suppressions:
    """What is kept back now, and how much was for good."""

    def __init__(self) -> None:
        self._final: dict[Subject, set[tuple[int, str]]] = {}
        self._now: dict[Subject, list[int]] = {}
        self._dirty: set[Subject] = set()

    def sort_out(
        self, rule: AnyRule, findings: Sequence[Finding], told: Iterable[Told]
    ) -> list[Finding]:
        """Return the findings of one rule that are published; count the others."""
        within = reach(rule)
        ends: dict[Subject, Told] = {}
        published: list[Finding] = []
        for subject in [subject for subject in self._now if subject[0] == rule.id]:
            del self._now[subject]
        everything: list[tuple[int, str, Finding | Told]] = [
            *((one.start, "", one) for one in told),
            *((one.window_start, one.key, one) for one in findings),
        ]
        for start, key, one in sorted(everything, key=lambda each: each[:2]):
            if isinstance(one, Told):
                ends[one.subject] = _longer(ends.get(one.subject), one)
                continue
            subject = subject_of(rule, key)
            before = ends.get(subject)
            if before is not None and start <= before.end + within:
                self._keep(subject, one)
                continue
            ends[subject] = Told(subject, start, one.window_end)
            published.append(one)
        return published

    def _keep(self, subject: Subject, finding: Finding) -> None:
        if not finding.final:
            self._now.setdefault(subject, []).append(finding.window_start)
            return
        kept = self._final.setdefault(subject, set())
        if len(kept) < MAX_KEPT:
            kept.add((finding.window_start, finding.key))
            self._dirty.add(subject)

    def count(self, subject: Subject, start: int, end: int, *, final: bool) -> int:
        """Return how many were kept back that start in a range; ``final``: for good alone."""
        found = [at for at, _ in self._final.get(subject, ())]
        if not final:
            found += self._now.get(subject, [])
        return sum(start <= at <= end for at in found)

    def waiting(self, subject: Subject, end: int) -> bool:
        """Return whether one is kept back for now that starts by ``end``."""
        return any(at <= end for at in self._now.get(subject, ()))

    def forget(self, subject: Subject) -> None:
        """Forget the count of a subject that has no published alert any more."""
        if self._final.pop(subject, None) is not None:
            self._dirty.add(subject)

    def subjects(self) -> list[Subject]:
        """Return the subjects that have a count."""
        return list(self._final)

    def take_states(self) -> list[tuple[str, str]]:
        """Return key and state (JSON) of what changed; empty: forgotten."""
        states = []
        for subject in sorted(self._dirty):
            kept = sorted(self._final.get(subject, ()))
            state = dumped({"subject": subject, "kept": kept}) if kept else ""
            states.append(("|".join((KEPT, *subject)), state))
        self._dirty.clear()
        return states

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back the count of one subject."""
        rule, key = state["subject"]
        self._final[rule, key] = {(at, of) for at, of in state["kept"]}


def _longer(before: Told | None, one: Told) -> Told:
    return one if before is None or one.end > before.end else before
