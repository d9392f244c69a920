"""Alerts against labels: found, missed, false; per rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.domain.event_time import HOUR
from pipeline.simulator.labels import ANY, AttackLabel, Strength

Record = dict[str, Any]

SLACK: Final = HOUR
"""An alert may end this long after its attack: the longest windows are blocks of an hour."""

STRENGTHS: Final[tuple[Strength, ...]] = ("weak", "middle", "strong")


@dataclass(slots=True)
class RuleScore:
    """What one rule did.

    Of the alerts among attacks `true` had a cause, `false` none; `quiet` came on quiet days.
    `delays` are in minutes, from an attack's start.
    """

    attacks: dict[Strength, int] = field(default_factory=lambda: dict.fromkeys(STRENGTHS, 0))
    found: dict[Strength, int] = field(default_factory=lambda: dict.fromkeys(STRENGTHS, 0))
    missed: list[str] = field(default_factory=list)
    true: int = 0
    false: int = 0
    quiet: int = 0
    delays: list[float] = field(default_factory=list)


def overlaps(label: AttackLabel, alert: Record) -> bool:
    """Whether an alert may speak of an attack, by its time."""
    return bool(
        alert["window_start"] <= label.end_us + SLACK and alert["window_end"] > label.start_us
    )


def finds(label: AttackLabel, alert: Record) -> bool:
    """Whether an alert is of the attack's rule, time and key."""
    return alert["rule"] == label.rule and overlaps(label, alert) and _key(label, alert)


def explains(label: AttackLabel, alert: Record) -> bool:
    """Whether the attack is a cause of an alert of this or another rule."""
    named = alert["rule"].startswith((label.rule, *label.also))
    return named and overlaps(label, alert)


def _key(label: AttackLabel, alert: Record) -> bool:
    """Compare keys where the label names one of the alert's dimension."""
    own = [key for key in label.keys if key.dimension == alert["dimension"]]
    return not own or any(key.key in (ANY, alert["key"]) for key in own)


def score(
    labels: Sequence[AttackLabel],
    staged: Sequence[AttackLabel],
    alerts: Sequence[Record],
    scores: dict[str, RuleScore],
    *,
    attacked: bool,
) -> None:
    """Add one stretch to the scores; without attacks every alert is one on a quiet day.

    ``labels`` are to be found; ``staged`` are all attacks, those too whose rule is switched off:
    they are a cause all the same.
    """
    for label in labels:
        mine = scores.setdefault(label.rule, RuleScore())
        mine.attacks[label.strength] += 1
        if any(finds(label, alert) for alert in alerts):
            mine.found[label.strength] += 1
        else:
            mine.missed.append(label.name)
    for alert in alerts:
        mine = scores.setdefault(alert["rule"], RuleScore())
        if not attacked:
            mine.quiet += 1
        elif any(explains(label, alert) for label in staged):
            mine.true += 1
        else:
            mine.false += 1


def merge(scores: dict[str, RuleScore], more: Mapping[str, RuleScore]) -> None:
    """Add the scores of another stretch."""
    for rule, other in more.items():
        mine = scores.setdefault(rule, RuleScore())
        for strength in STRENGTHS:
            mine.attacks[strength] += other.attacks[strength]
            mine.found[strength] += other.found[strength]
        mine.missed += other.missed
        mine.true += other.true
        mine.false += other.false
        mine.quiet += other.quiet
        mine.delays += other.delays
