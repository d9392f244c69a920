"""What every rule file says, whatever its detector: the envelope around its parameters."""

import hashlib
import json
import re
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from pipeline.detect.rules.examples import Examples
from pipeline.detect.rules.quiet_hours import QuietHours

Severity = Literal["info", "warning", "critical"]
RuleState = Literal["enabled", "shadow", "off"]

SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")
"""From the mildest on."""

BEST_EFFORT: Final = (
    "Canvas delivers its feeds on a best-effort basis: rows may be missing or doubled. "
    "The data show requests, not intentions; confirm before acting on a person."
)
"""The caveat on every alert whose rule brings none of its own (DAP data set page)."""

_WORDS: Final = {"title", "what", "why", "action", "caveat", "owner", "state", "examples"}
"""Keys for people, and the switch: they change no judgement, so no rule version either."""

Text = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """A part of a rule file: a key it does not know is refused, and nothing changes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Filters(Strict):
    """Which keys a rule looks at, by patterns: ``*`` is any text, ``?`` one character.

    A key counts if a pattern of ``only`` matches it (none: every key) and none of ``except``.
    Keys that do not count are kept from the detector: they are neither judged nor learned from.
    """

    only: tuple[Text, ...] = Field((), description="Patterns of keys; empty: every key.")
    except_: tuple[Text, ...] = Field(
        (), alias="except", description="Patterns of keys that are left out."
    )

    @model_validator(mode="after")
    def _lets_something_in(self) -> Self:
        if set(self.only) & set(self.except_):
            raise ValueError("a pattern is in only and in except, so nothing is left")
        return self

    @cached_property
    def keeps(self) -> pl.Expr:
        """Whether the column ``key`` holds a key that counts."""
        key, kept = pl.col("key"), pl.lit(value=True)
        if self.only:
            kept = kept & key.str.contains(_regex(self.only))
        if self.except_:
            kept = kept & ~key.str.contains(_regex(self.except_))
        return kept


class Suppression(Strict):
    """For how long an alert keeps further ones back, of the same key or of the whole rule.

    The time counts from the end of the published alert; those kept back are counted on it.
    """

    for_min: Annotated[int, Field(gt=0, le=7 * 24 * 60)]
    per: Literal["key", "rule"] = "key"


class Escalation(Strict):
    """When the severity of an alert rises above the rule's own; either reason is enough."""

    to: Severity
    after_min: Annotated[int, Field(gt=0)] | None = Field(
        None, description="The window has lasted so many minutes."
    )
    times: Annotated[float, Field(gt=1)] | None = Field(
        None, description="What was observed is so many times the threshold."
    )

    @model_validator(mode="after")
    def _has_a_reason(self) -> Self:
        if self.after_min is None and self.times is None:
            raise ValueError("escalation needs after_min or times")
        return self


class Rule(Strict):
    """What every rule file says, whatever its detector."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{2,63}$")]
    title: Text
    what: Text
    why: Text
    action: Text
    caveat: str = BEST_EFFORT
    severity: Severity
    owner: Text | None = None
    state: RuleState = "enabled"
    filters: Filters = Filters()
    suppression: Suppression | None = None
    quiet_hours: QuietHours | None = None
    escalation: Escalation | None = None
    examples: Examples = Examples()

    @field_validator("state", mode="before")
    @classmethod
    def _off_is_a_word(cls, state: object) -> object:
        """Take YAML's ``off``, which it reads as false (YAML 1.1, bool), as the word it is."""
        return "off" if state is False else state

    @property
    def filtered(self) -> bool:
        """Whether some keys are kept from the detector."""
        return bool(self.filters.only or self.filters.except_)

    @cached_property
    def version(self) -> str:
        """Twelve hex digits over all that changes what is judged, and how; words do not."""
        meaning: dict[str, Any] = self.model_dump(mode="json", exclude=_WORDS)
        text = json.dumps(meaning, sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _regex(patterns: tuple[str, ...]) -> str:
    wild = {"*": ".*", "?": "."}
    texts = ("".join(wild.get(c, re.escape(c)) for c in pattern) for pattern in patterns)
    return rf"(?s)^(?:{'|'.join(texts)})$"
