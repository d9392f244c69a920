"""Rules of the generic detectors for tests: short windows, little history."""

from typing import Any

from pipeline.detect.rules import AnyRule
from pipeline.detect.rules.watching import (
    AbsenceRule,
    AfterEndRule,
    ChangePointRule,
    CountBurstRule,
    FanOutRule,
    FirstSeenRule,
    RatioRule,
    SequenceRule,
)

WORDS: dict[str, Any] = {
    "title": "t",
    "what": "w",
    "why": "y",
    "action": "a",
    "severity": "warning",
}
BY_NAME: dict[str, type[AnyRule]] = {
    "count_burst": CountBurstRule,
    "ratio": RatioRule,
    "fan_out": FanOutRule,
    "first_seen": FirstSeenRule,
    "sequence": SequenceRule,
    "after_end": AfterEndRule,
    "change_point": ChangePointRule,
    "absence": AbsenceRule,
}


def rule(detector: str, *, parameters: dict[str, Any] | None = None, **more: Any) -> Any:
    """Return a rule of a detector on the dimension ``thing``."""
    document = {**WORDS, "id": detector, "detector": detector, "dimension": "thing"}
    return BY_NAME[detector].model_validate({**document, **more, "parameters": parameters or {}})


def small_rules() -> list[AnyRule]:
    """Return a rule of every detector that has something to say within hours."""
    quick = {"quiet_min": 5, "max_alarms_per_week": 50, "max_probability": 1e-2}
    known = {"cold_hours": 1, "dispersion": 0.1, "season": "none"}
    burst = quick | known | {"window_min": 5, "min_count": 10, "cold_min_count": 15}
    return [
        rule("count_burst", parameters=burst | {"season": "hour_of_week"}),
        rule("count_burst", id="whole", dimension="all", parameters=burst),
        rule("count_burst", id="parts", part_of="whole", parameters=burst | {"min_ratio": 2}),
        rule(
            "count_burst",
            id="crowded",
            measure="writes",
            parameters=burst | {"max_alerts_per_hour": 1, "max_keys": 3, "adapt_after_min": 10},
        ),
        rule("ratio", measure="errors", parameters=quick | {"window_min": 5, "min_trials": 5}),
        rule("fan_out", parameters=quick | {"window_min": 5, "min_members": 6, "max_keys": 3}),
        *(
            rule(
                "first_seen",
                id=f"first_{novelty}",
                novelty=novelty,
                parameters=quick
                | {"learning_min": 60, "known_min": 60, "max_probability": 0.9, "max_members": 5},
            )
            for novelty in ("key", "member", "hour")
        ),
        rule("sequence", measure="writes", parameters=quick | {"min_count": 12}),
        rule(
            "sequence",
            id="in_order",
            measure="writes",
            after=[{"dimension": "thing", "measure": "errors", "min_count": 8}],
            parameters=quick | {"window_min": 5},
        ),
        rule(
            "sequence",
            id="elsewhere",
            measure="writes",
            after=[{"dimension": "thing", "measure": "errors", "min_count": 3}],
            new_in={"dimension": "place", "min_spells": 2, "known_min": 20},
            parameters=quick | {"window_min": 5, "max_keys": 30},
        ),
        rule(
            "after_end",
            ended_by={"dimension": "thing", "measure": "errors", "min_count": 3},
            reopened_by={"dimension": "thing", "measure": "members", "min_count": 2},
            parameters=quick | {"window_min": 5, "min_count": 8, "reopen_min": 10},
        ),
        rule(
            "change_point",
            parameters=quick | known | {"window_min": 15, "min_count": 10, "adapt_after_min": 60},
        ),
        rule(
            "absence",
            feeds=["web_logs"],
            parameters=quick | known | {"window_min": 8, "min_expected": 3},
        ),
    ]
