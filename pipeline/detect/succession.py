"""Other rules while the stage runs: what detectors have learned goes on with them.

A detector whose rules are word for word the same is kept as it is. One whose rules changed is
made anew and takes over the states of the old one, as it would after a restart. A rule that
counts something else than before under the same id starts from nothing, and so does one that was
switched off: what is not taken over is forgotten.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.detect.registry import Detector
from pipeline.detect.rules import AnyRule
from pipeline.domain.feeds import Feed

COUNTED: Final = ("detector", "dimension", "feeds", "measure", "of", "novelty", "after", "filters")
"""Keys of a rule that say what is counted; a level learned of one thing says nothing of another."""

State = tuple[str, str, str]
"""Detector name, key and state; an empty state: forgotten."""


class Judges(NamedTuple):
    """Rules that are judged, and their detectors."""

    rules: Mapping[str, AnyRule]
    detectors: Sequence[Detector]


def succeed(
    before: Judges, after: Judges, closed: Mapping[Feed, int], final: int
) -> tuple[list[Detector], list[State]]:
    """Return the detectors to go on with, and the states that are forgotten.

    Every state of those that were made anew counts as changed.
    """
    unchanged = {
        one.rules: one
        for one in before.detectors
        if all(before.rules[rule] == after.rules.get(rule) for rule in one.rules)
    }
    heirs = [unchanged.get(one.rules, one) for one in after.detectors]
    kept = [one for one in heirs if one.rules in unchanged]
    made = [one for one in heirs if one.rules not in unchanged]
    forgotten: list[State] = []
    for one in before.detectors:
        if one in kept:
            continue
        one.touch()
        for name, key, state in one.take_states():
            rule = name.partition(".")[0]
            if not _same_count(before.rules.get(rule), after.rules.get(rule)):
                forgotten.append((name, key, ""))
            elif state:
                for heir in made:
                    heir.restore(name, key, state)
    for heir in made:
        heir.resume(closed, final)
        heir.touch()
    return heirs, forgotten


def _same_count(before: AnyRule | None, after: AnyRule | None) -> bool:
    return before is not None and after is not None and _counted(before) == _counted(after)


def _counted(rule: AnyRule) -> list[object]:
    status_class = getattr(rule.parameters, "status_class", None)
    return [status_class, *(getattr(rule, name, None) for name in COUNTED)]
