"""The detectors, one line each: which rules each judges, and how it is made."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from pipeline.detect.absence import Absence
from pipeline.detect.after_end import AfterEnd
from pipeline.detect.change_point import ChangePoint
from pipeline.detect.count_burst import CountBurst
from pipeline.detect.error_spike import ErrorSpike
from pipeline.detect.fan_out import FanOut
from pipeline.detect.finding import Finding
from pipeline.detect.first_seen import FirstSeen
from pipeline.detect.masquerade_burst import MasqueradeBurst
from pipeline.detect.ratio import Ratio
from pipeline.detect.rules import AnyRule
from pipeline.detect.rules.watching import SequenceRule
from pipeline.detect.scope import Scope
from pipeline.detect.sequence import StepSequence
from pipeline.detect.signals import Signals
from pipeline.detect.somewhere_new import SomewhereNew
from pipeline.detect.watch import Watch
from pipeline.domain.feeds import Feed


class Detector(Protocol):
    """One detector with its rules; minutes are whole minutes since the epoch."""

    rules: tuple[str, ...]

    def observe(self, signals: Signals) -> None:
        """Take restated minutes that are not final."""
        ...

    def close(self, through: Mapping[Feed, int]) -> None:
        """Take how far the feeds are closed."""
        ...

    def finalise(self, signals: Signals, through: int) -> None:
        """Judge final minutes for good, and learn from them."""
        ...

    def findings(self) -> list[Finding]:
        """Return all episodes as of now; those that became final are returned once."""
        ...

    def touch(self) -> None:
        """Count every state as changed."""
        ...

    def take_states(self) -> list[tuple[str, str, str]]:
        """Return detector name, key and state of all that changed; empty: forgotten."""
        ...

    def restore(self, name: str, key: str, state: str) -> None:
        """Take back one state; names of other detectors are none of its own."""
        ...

    def resume(self, closed: Mapping[Feed, int], final: int) -> None:
        """Take the moment that the restored states speak of."""
        ...


Family = Callable[[Any, Any], Detector]
"""Makes a detector of a rule on a whole and one on its parts; one of them may be None."""


def _alone(whole: Any, parts: Any) -> Detector:
    return MasqueradeBurst(whole or parts)


def _watch(scope: Callable[[Any], Scope[Any]]) -> Family:
    def family(whole: Any, parts: Any) -> Detector:
        return Watch(scope(whole) if whole else None, scope(parts) if parts else None)

    return family


def _sequence(rule: SequenceRule) -> StepSequence:
    return StepSequence(rule) if rule.new_in is None else SomewhereNew(rule, rule.new_in)


DETECTORS: Final[tuple[tuple[str, Family], ...]] = (
    ("masquerade_burst", _alone),
    ("error_spike", ErrorSpike),
    ("count_burst", _watch(CountBurst)),
    ("ratio", _watch(Ratio)),
    ("fan_out", _watch(FanOut)),
    ("first_seen", _watch(FirstSeen)),
    ("sequence", _watch(_sequence)),
    ("after_end", _watch(AfterEnd)),
    ("change_point", _watch(ChangePoint)),
    ("absence", _watch(Absence)),
)
"""Name in rule files, and how a family of rules becomes a detector; in the order of judging."""


def detectors(rules: Sequence[AnyRule]) -> list[Detector]:
    """Return the detectors of rules; rules on a whole and its parts share one."""
    made: list[Detector] = []
    for name, family in DETECTORS:
        own = [rule for rule in rules if rule.detector == name]
        ids = {rule.id for rule in own}
        parts = {whole: rule for rule in own if (whole := _part_of(rule)) in ids}
        for rule in own:
            if _part_of(rule) is None:
                made.append(family(rule, parts.get(rule.id)))
            elif _part_of(rule) not in ids:
                # Its whole is switched off: it reports on its own.
                made.append(family(None, rule))
    return made


def _part_of(rule: AnyRule) -> str | None:
    return getattr(rule, "part_of", None)
