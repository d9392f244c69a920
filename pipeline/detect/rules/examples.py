"""Examples in a rule file: made-up minutes that must fire, and others that must stay quiet."""

from datetime import UTC, datetime
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.domain.feeds import Feed

COUNTS: Final = (
    *("status_1xx", "status_2xx", "status_3xx", "status_4xx", "status_5xx", "status_other"),
    *("rows", "errors", "writes", "masqueraded", "participations", "duration_sum", "duration_max"),
)
"""The counts of a request stat that a phase may give, per minute and key."""

MONDAY: Final = datetime(2026, 1, 5, tzinfo=UTC)
"""When examples begin that say nothing else: a Monday, midnight."""

MOST_ROWS: Final = 200_000
"""Minutes times keys of one example: what is judged within about a second."""

Count = Annotated[int, Field(ge=0)]
Hour = Annotated[int, Field(ge=0, le=24)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Phase(_Part):
    """The same counts minute after minute.

    A phase begins where the one before it ends, or ``at_min`` minutes after the example's
    start. Counts that are left out are 0, ``errors`` is the 4xx and 5xx together; a phase without
    rows only lets time pass.
    """

    for_min: Annotated[int, Field(gt=0)]
    at_min: Count | None = None
    feed: Feed | None = Field(None, description="Default: the first feed of the rule.")
    dimension: str | None = Field(None, description="Default: the dimension of the rule.")
    key: str = ""
    keys: Annotated[int, Field(gt=0)] = Field(
        1, description="So many like keys: key-1, key-2, … instead of one."
    )
    every_min: Annotated[int, Field(gt=0)] = Field(
        1, description="Rows only in each n-th minute of the phase."
    )
    hours: tuple[Hour, Hour] = Field((0, 24), description="Rows only in these hours of day, UTC.")
    members: Count | tuple[str, ...] = Field(
        0, description="So many members per minute, never the same twice; or these in each."
    )
    rows: Count = 0
    status_1xx: Count = 0
    status_2xx: Count = 0
    status_3xx: Count = 0
    status_4xx: Count = 0
    status_5xx: Count = 0
    status_other: Count = 0
    errors: Count | None = None
    writes: Count = 0
    masqueraded: Count = 0
    participations: Count = 0
    duration_sum: Count = 0
    duration_max: Count = 0

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        statuses = [getattr(self, name) for name in COUNTS if name.startswith("status_")]
        if sum(statuses) > self.rows:
            raise ValueError("more rows by status than rows")
        if max(self.errors or 0, self.writes, self.masqueraded) > self.rows:
            raise ValueError("more errors, writes or masqueraded rows than rows")
        return self


class Example(_Part):
    """Minutes that a rule is tried on, alone, from nothing."""

    name: Annotated[str, Field(min_length=1)]
    start: datetime = MONDAY
    minutes: Annotated[tuple[Phase, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_short(self) -> Self:
        rows = sum(phase.for_min // phase.every_min * phase.keys for phase in self.minutes)
        if rows > MOST_ROWS:
            raise ValueError(f"{rows} minutes by key; at most {MOST_ROWS}")
        return self


class Examples(_Part):
    """What a rule must say of made-up minutes: ``rules test`` tries it."""

    fires: tuple[Example, ...] = ()
    quiet: tuple[Example, ...] = ()
