"""Rules by detector: parameters of each, and the rule file that carries them."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from pipeline.detect.rules.envelope import Rule, Strict
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

StatusClass = Literal["4xx", "5xx"]

Minutes = Annotated[int, Field(gt=0, le=7 * 24 * 60)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class ErrorSpikeParameters(Strict):
    """How an error spike is told from the trailing level; see ``rules/README.md``."""

    status_class: StatusClass
    windows_min: tuple[Annotated[int, Field(gt=0, le=15)], ...] = (1, 3, 5, 10)
    max_alarms_per_week: Positive = 0.2
    max_probability: Probability = 1e-9
    min_errors: Annotated[int, Field(gt=0)] = 10
    min_share: Share = 0.1
    min_ratio: Positive = 4.0
    cold_requests: Annotated[int, Field(ge=0)] = 200
    cold_min_errors: Annotated[int, Field(gt=0)] = 10
    cold_min_share: Share = 0.3
    prior_share: Share = 0.005
    prior_shape: Positive = 1.0
    dispersion: Positive = 0.25
    clump: Annotated[float, Field(ge=1)] = 1.5
    half_life_min: Minutes = 720
    quiet_min: Minutes = 10
    adapt_after_min: Minutes = 180
    forget_after_min: Minutes = 1440
    max_keys: Annotated[int, Field(gt=0)] = 100_000
    explained_share: Share = 0.8
    max_culprits: Annotated[int, Field(gt=0)] = 2

    @model_validator(mode="after")
    def _has_windows(self) -> Self:
        if not self.windows_min or list(self.windows_min) != sorted(set(self.windows_min)):
            raise ValueError("windows_min must be one or more growing numbers of minutes")
        return self


class MasqueradeBurstParameters(Strict):
    """How a burst of masquerading is told from usual help; see ``rules/README.md``."""

    window_min: Annotated[int, Field(gt=0, le=120)] = 15
    min_targets: Annotated[int, Field(gt=1)] = 10
    min_writes: Annotated[int, Field(gt=0)] = 30
    min_ratio: Positive = 3.0
    max_alarms_per_week: Positive = 1.0
    max_probability: Probability = 1e-4
    prior_targets: Positive = 1.5
    prior_writes: Positive = 2.0
    prior_weight: Positive = 4.0
    population_weight: Positive = 20.0
    targets_dispersion: Positive = 0.1
    writes_dispersion: Positive = 0.5
    half_life_min: Annotated[int, Field(gt=0)] = 14 * 1440
    quiet_min: Minutes = 15
    adapt_after_min: Minutes = 360
    forget_after_min: Annotated[int, Field(gt=0)] = 30 * 1440
    max_keys: Annotated[int, Field(gt=0)] = 100_000


class ErrorSpikeRule(Rule):
    """A rule of the detector ``error_spike``.

    ``part_of`` names the rule that watches the whole of which this one watches the parts;
    of the two only one reports a given cause.
    """

    detector: Literal["error_spike"]
    dimension: Literal["all", "controller_action"]
    part_of: str | None = None
    feeds: tuple[Literal["web_logs"], ...] = ("web_logs",)
    parameters: ErrorSpikeParameters


class MasqueradeBurstRule(Rule):
    """A rule of the detector ``masquerade_burst``."""

    detector: Literal["masquerade_burst"]
    dimension: Literal["masquerader"] = "masquerader"
    feeds: Annotated[tuple[Literal["web_logs", "live_events"], ...], Field(min_length=1)] = (
        "web_logs",
        "live_events",
    )
    parameters: MasqueradeBurstParameters


AnyWatchRule = (
    CountBurstRule
    | RatioRule
    | FanOutRule
    | FirstSeenRule
    | SequenceRule
    | AfterEndRule
    | ChangePointRule
    | AbsenceRule
)
"""A rule of a generic detector: any dimension, a budget of false alarms."""

AnyRule = ErrorSpikeRule | MasqueradeBurstRule | AnyWatchRule
"""A rule of any detector: what a rule file becomes."""

RULES: Final[tuple[type[AnyRule], ...]] = (
    ErrorSpikeRule,
    MasqueradeBurstRule,
    CountBurstRule,
    RatioRule,
    FanOutRule,
    FirstSeenRule,
    SequenceRule,
    AfterEndRule,
    ChangePointRule,
    AbsenceRule,
)
"""The rule class of every detector."""
