"""The three feeds of Canvas."""

from typing import Final, Literal

Feed = Literal["web_logs", "live_events", "course_audit"]

WEB_LOGS: Final = "web_logs"
LIVE_EVENTS: Final = "live_events"
COURSE_AUDIT: Final = "course_audit"

FEEDS: Final[tuple[Feed, ...]] = (WEB_LOGS, LIVE_EVENTS, COURSE_AUDIT)
