"""Rules of event time (semantics rules 8 to 20) as one value.

Every time is in microseconds since the epoch, UTC.
"""

from dataclasses import dataclass, field
from typing import Final

from pipeline.domain.feeds import COURSE_AUDIT, LIVE_EVENTS, WEB_LOGS, Feed

MICROS: Final = 1_000_000
MINUTE: Final = 60 * MICROS
HOUR: Final = 60 * MINUTE

EARLIEST: Final = 946_684_800 * MICROS
"""2000-01-01: a row before it is a mistake of the source (rule 19)."""

FUTURE_TOLERANCE: Final = HOUR
"""A row dated later than this after its publication moves no watermark (rule 19)."""


def _idle_timeouts() -> dict[Feed, int]:
    return {WEB_LOGS: 24 * HOUR, LIVE_EVENTS: 10 * MINUTE, COURSE_AUDIT: 24 * HOUR}


def _out_of_orderness() -> dict[Feed, int]:
    return {LIVE_EVENTS: 2 * MINUTE}


@dataclass(frozen=True, slots=True)
class EventTimeRules:
    """Gap, lateness and day boundaries; one object for all stages.

    ``out_of_orderness`` names the feeds whose rows move their own watermark, and by how much
    it stays behind; a feed without an entry moves by marks only (rule 16).
    ``day_start_s`` is the local second of the day at which an activity day begins (rule 9).
    """

    gap: int = 30 * MINUTE
    allowed_lateness: int = 4 * HOUR + 30 * MINUTE
    logout_grace: int = MINUTE
    day_start_s: int = 4 * 3600
    time_zone: str = "UTC"
    feeds: tuple[Feed, ...] = (WEB_LOGS, LIVE_EVENTS)
    idle_timeout: dict[Feed, int] = field(default_factory=_idle_timeouts)
    out_of_orderness: dict[Feed, int] = field(default_factory=_out_of_orderness)

    def limit(self, watermark: int) -> int:
        """Return the event time below which a row is late (rule 14)."""
        return watermark - self.gap - self.allowed_lateness

    def closing(self, largest_event_time: int) -> int:
        """Return the watermark that makes everything up to that time final (rule 18)."""
        return largest_event_time + 2 * self.gap + self.allowed_lateness + 1
