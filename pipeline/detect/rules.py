"""Rule files: what to look for, why, and what the reader of an alert should do.

One YAML document is one rule. Reading the files is the edge's work; here text becomes a ``Rule``.
Unknown keys are refused, so that a misspelt parameter never silently keeps its default.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline.domain.errors import SettingsError

Severity = Literal["info", "warning", "critical"]
RuleState = Literal["enabled", "shadow", "off"]
StatusClass = Literal["4xx", "5xx"]

BEST_EFFORT: Final = (
    "Canvas delivers its feeds on a best-effort basis: rows may be missing or doubled. "
    "The data show requests, not intentions; confirm before acting on a person."
)
"""The caveat on every alert whose rule brings none of its own (DAP data set page)."""

Minutes = Annotated[int, Field(gt=0, le=7 * 24 * 60)]
Probability = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(gt=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ErrorSpikeParameters(_Strict):
    """How an error spike is told from the trailing level; see ``rules/README.md``."""

    status_class: StatusClass
    windows_min: tuple[Annotated[int, Field(gt=0, le=15)], ...] = (1, 3, 5, 10)
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
    explained_share: Share = 0.8
    max_culprits: Annotated[int, Field(gt=0)] = 2

    @model_validator(mode="after")
    def _has_windows(self) -> Self:
        if not self.windows_min or list(self.windows_min) != sorted(set(self.windows_min)):
            raise ValueError("windows_min must be one or more growing numbers of minutes")
        return self


class MasqueradeBurstParameters(_Strict):
    """How a burst of masquerading is told from usual help; see ``rules/README.md``."""

    window_min: Annotated[int, Field(gt=0, le=120)] = 15
    min_targets: Annotated[int, Field(gt=1)] = 10
    min_writes: Annotated[int, Field(gt=0)] = 30
    min_ratio: Positive = 3.0
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


class Rule(_Strict):
    """What every rule file says, whatever its detector."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,63}$")]
    title: Annotated[str, Field(min_length=1)]
    what: Annotated[str, Field(min_length=1)]
    why: Annotated[str, Field(min_length=1)]
    action: Annotated[str, Field(min_length=1)]
    caveat: str = BEST_EFFORT
    severity: Severity
    state: RuleState = "enabled"

    @field_validator("state", mode="before")
    @classmethod
    def _off_is_a_word(cls, state: object) -> object:
        """Take YAML's ``off``, which it reads as false (YAML 1.1, bool), as the word it is."""
        return "off" if state is False else state


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


AnyRule = ErrorSpikeRule | MasqueradeBurstRule
"""A rule of any detector: what a rule file becomes."""

_BY_DETECTOR: Final[Mapping[str, type[ErrorSpikeRule] | type[MasqueradeBurstRule]]] = {
    "error_spike": ErrorSpikeRule,
    "masquerade_burst": MasqueradeBurstRule,
}


def load_rule(text: str, source: str) -> AnyRule:
    """Return the rule that a YAML document describes.

    ``source`` names the document in messages. Raises SettingsError with one sentence that lists
    everything wrong with it.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"{source}: not YAML: {error}") from error
    if not isinstance(document, dict):
        raise SettingsError(f"{source}: a rule is a mapping of keys to values.")
    model = _BY_DETECTOR.get(str(document.get("detector")))
    if model is None:
        known = ", ".join(_BY_DETECTOR)
        raise SettingsError(f"{source}: detector must be one of: {known}.")
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise SettingsError(f"{source}: {_sentence(error, model)}") from error


def check_references(rules: Iterable[AnyRule]) -> None:
    """Check that ids are unique and that parts name a whole; raise SettingsError otherwise."""
    listed = list(rules)
    by_id = {rule.id: rule for rule in listed}
    if len(by_id) != len(listed):
        ids = [rule.id for rule in listed]
        twice = ", ".join(sorted({i for i in ids if ids.count(i) > 1}))
        raise SettingsError(f"Rule ids are given twice: {twice}.")
    claimed: dict[str, str] = {}
    for rule in listed:
        if not isinstance(rule, ErrorSpikeRule) or rule.part_of is None:
            continue
        whole = by_id.get(rule.part_of)
        if not isinstance(whole, ErrorSpikeRule) or whole.dimension != "all":
            raise SettingsError(f"Rule {rule.id}: part_of must name an error_spike rule on all.")
        if whole.parameters.status_class != rule.parameters.status_class:
            raise SettingsError(f"Rule {rule.id}: watches other errors than {whole.id}.")
        if whole.id in claimed:
            raise SettingsError(
                f"Rules {claimed[whole.id]} and {rule.id}: both part of {whole.id}."
            )
        claimed[whole.id] = rule.id


def _sentence(error: ValidationError, model: type[BaseModel]) -> str:
    return "; ".join(
        _unknown(problem["loc"], model)
        if problem["type"] == "extra_forbidden"
        else f"{'.'.join(map(str, problem['loc'])) or 'rule'}: {problem['msg']}"
        for problem in error.errors()
    )


def _unknown(location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    for step in location[:-1]:
        field = model.model_fields.get(str(step))
        if field is not None and isinstance(field.annotation, type):
            model = field.annotation
    known = ", ".join(model.model_fields)
    return f"unknown key {'.'.join(map(str, location))} (known here: {known})"
