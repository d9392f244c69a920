"""Other rules, while the stage runs or at its start: what was learned goes on with them.

A detector whose rules are word for word the same is kept as it is. One whose rules changed is
made anew and takes over the states of the old one, as it would after a restart. A rule that
counts something else than before under the same id starts from nothing, and so does one that was
switched off: what is not taken over is forgotten. A restart decides by the same: with the states
is written what they were learned of, the *origin* of each rule.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from pipeline.detect.registry import Detector
from pipeline.detect.rules import AnyRule
from pipeline.detect.rules.watching import WatchRule
from pipeline.domain.feeds import Feed

COUNTED: Final = {
    *("detector", "dimension", "feeds", "measure", "of", "novelty", "after", "filters"),
    *("ended_by", "reopened_by", "new_in"),
}
"""Keys of a rule that say what is counted; a level learned of one thing says nothing of another."""

PER_WINDOW: Final = {
    *("count_burst", "change_point", "absence", "fan_out", "masquerade_burst"),
}
"""Detectors that learn how much of something a window has: one of another length has another
usual amount."""

State = tuple[str, str, str]
"""Detector name, key and state; an empty state: forgotten."""


class Judges(NamedTuple):
    """Rules that are judged, their detectors, and what each rule counts (``origins``)."""

    rules: Mapping[str, AnyRule]
    detectors: Sequence[Detector]
    origins: Mapping[str, str]


def origins(rules: Iterable[AnyRule]) -> dict[str, str]:
    """Return of each rule, by id, twelve hex digits over what it counts."""
    return {rule.id: _origin(rule) for rule in rules}


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
    left: list[State] = []
    for one in before.detectors:
        if one not in kept:
            one.touch()
            left += one.take_states()
    taken_over, forgotten = inherit(left, before.origins, after.origins)
    for state in taken_over:
        for heir in made:
            heir.restore(*state)
    for heir in made:
        heir.resume(closed, final)
        heir.touch()
    return heirs, forgotten


def inherit(
    states: Iterable[State], learned_of: Mapping[str, str], present: Mapping[str, str]
) -> tuple[list[State], list[State]]:
    """Return the states that rules take over, and those that are forgotten, now empty.

    ``learned_of``: the origins of the rules when the states were written, ``present``: of those
    that go on. A state whose origin was not written belongs to the rule that has its id.
    """
    taken_over: list[State] = []
    forgotten: list[State] = []
    for name, key, state in states:
        rule_id = name.partition(".")[0]
        now = present.get(rule_id)
        if now is None or learned_of.get(rule_id, now) != now:
            forgotten.append((name, key, ""))
        elif state:
            taken_over.append((name, key, state))
    return taken_over, forgotten


def _origin(rule: AnyRule) -> str:
    counted = rule.model_dump(mode="json", include=COUNTED)
    counted["status_class"] = getattr(rule.parameters, "status_class", None)
    if rule.detector in PER_WINDOW:
        counted["window_min"] = getattr(rule.parameters, "window_min", None)
    if isinstance(rule, WatchRule) and rule.zone != "UTC" and _has_hours(rule):
        counted["time_zone"] = rule.zone
    text = json.dumps(counted, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _has_hours(rule: WatchRule) -> bool:
    """Return whether what a rule has learned is by hours of its time zone."""
    season = getattr(rule.parameters, "season", "none")
    return season != "none" or getattr(rule, "novelty", None) == "hour"
