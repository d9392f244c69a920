"""How the Course Audit log is polled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipeline.codecs.record_limit import DEFAULT_LIMIT as DEFAULT_RECORD_LIMIT
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.ingest.bad_limit import DEFAULT_SHARE

FIRST_SPAN: Final = 24 * HOUR
"""How far back the first round reaches if nothing else is said."""

ROOT: Final = "self"
"""Canvas's name of the root account that a token belongs to."""


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """Options of the agent; times in microseconds.

    ``url`` is the Canvas instance and ``token`` an access token that may see course change logs at
    the root account. The events of ``courses`` are polled, or else those of ``account`` and all its
    sub-accounts. ``since`` is where the first round begins. Rounds begin ``every`` apart at least;
    each begins ``overlap`` before the end of the one before it. More bad events than
    ``max_bad_share`` stop the agent; ``once`` ends it after one round. ``say`` gets sentences for
    whoever watches the start.
    """

    url: str
    token: str = field(repr=False)
    account: str = ROOT
    courses: Sequence[int] | None = None
    since: int | None = None
    every: int = 15 * MINUTE
    overlap: int = HOUR
    requests_per_hour: int = 3_600
    per_page: int = 100
    timeout_s: float = 60.0
    home_shard: int | None = None
    root_account_id: int | None = None
    max_bad_share: float = DEFAULT_SHARE
    record_limit: int = DEFAULT_RECORD_LIMIT
    once: bool = False
    retries: int = 5
    first_wait_s: float = 1.0
    batch_rows: int = 1_000
    batch_s: float = 5.0
    say: Callable[[str], None] = lambda _sentence: None

    @property
    def kind(self) -> str:
        """Return what is polled one by one, as it stands in Canvas's paths."""
        return "accounts" if self.courses is None else "courses"

    @property
    def target(self) -> str:
        """Return what a round goes over; it may not change before the round is over."""
        return f"accounts of {self.account}" if self.courses is None else "courses"
