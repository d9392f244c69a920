"""Which injected attacks were found, and which alarms have no attack behind them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipeline.domain.event_time import MINUTE

DELAY: Final = 30 * MINUTE
"""An alert may end this long after its attack: windows are longer than a minute."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One label of the simulator; times in microseconds. Rules in ``also`` have the same cause."""

    name: str
    rule: str
    start: int
    end: int
    keys: frozenset[tuple[str, str]]
    tolerated: frozenset[tuple[str, str]]
    detail: str
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """One anomaly as ClickHouse has it; times in microseconds."""

    rule: str
    dimension: str
    key: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Findings:
    """``found`` has the alerts of each attack by name; ``false`` those of no attack."""

    found: dict[str, list[Alert]]
    false: list[Alert]

    @property
    def missed(self) -> list[str]:
        """The attacks without any alert."""
        return [name for name, alerts in self.found.items() if not alerts]


def read_attacks(labels: Path) -> list[Attack]:
    """Read the simulator's ``labels.json``."""
    return [
        Attack(
            label["name"],
            label["rule"],
            label["start_us"],
            label["end_us"],
            _keys(label["keys"]),
            _keys(label["tolerated"]),
            label["detail"],
            tuple(label["also"]),
        )
        for label in json.loads(labels.read_text())["attacks"]
    ]


def match(attacks: list[Attack], alerts: list[Alert]) -> Findings:
    """Assign alerts to attacks by rule, key and time.

    A rule fits if its name starts with the label's: ``error_spike_5xx`` is an ``error_spike``.
    """
    found: dict[str, list[Alert]] = {attack.name: [] for attack in attacks}
    false = []
    for alert in alerts:
        causes = [attack for attack in attacks if _overlaps(attack, alert)]
        hits = [attack for attack in causes if _names(attack.keys, alert)]
        for attack in hits:
            found[attack.name].append(alert)
        explained = any(_names(attack.tolerated, alert) for attack in causes) or any(
            alert.rule.startswith(attack.also) and _meets(attack, alert) for attack in attacks
        )
        if not hits and not explained:
            false.append(alert)
    return Findings(found, false)


def _keys(entries: list[dict[str, Any]]) -> frozenset[tuple[str, str]]:
    return frozenset((entry["dimension"], entry["key"]) for entry in entries)


def _names(keys: frozenset[tuple[str, str]], alert: Alert) -> bool:
    return (alert.dimension, alert.key) in keys or (alert.dimension, "*") in keys


def _overlaps(attack: Attack, alert: Alert) -> bool:
    return alert.rule.startswith(attack.rule) and _meets(attack, alert)


def _meets(attack: Attack, alert: Alert) -> bool:
    return alert.start <= attack.end + DELAY and alert.end >= attack.start
