"""The three feeds of Canvas."""

from typing import Final, Literal

Feed = Literal["web_logs", "live_events", "course_audit"]

WEB_LOGS: Final = "web_logs"
LIVE_EVENTS: Final = "live_events"
COURSE_AUDIT: Final = "course_audit"

FEEDS: Final[tuple[Feed, ...]] = (WEB_LOGS, LIVE_EVENTS, COURSE_AUDIT)

SESSION_FEEDS: Final[tuple[Feed, ...]] = (WEB_LOGS, LIVE_EVENTS)
"""Feeds whose rows make up sessions; what the others say are signals only."""

TIME_COLUMN: Final[dict[Feed, str]] = {
    WEB_LOGS: "timestamp",
    LIVE_EVENTS: "event_time",
    COURSE_AUDIT: "created_at",
}
"""The column of a feed's records that is their event time."""

KEY_COLUMN: Final[dict[Feed, str]] = {
    WEB_LOGS: "id",
    LIVE_EVENTS: "event_key",
    COURSE_AUDIT: "id",
}
"""The column of a feed's records that is their event key (semantics rule 5)."""
