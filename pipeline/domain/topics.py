"""The catalogue of topics: every topic once.

Names are without the installation's prefix; only the edges add it.
"""

from dataclasses import dataclass
from typing import Final

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: its name, the schema of its values, and how the broker keeps it.

    ``partitioned`` is false for topics that have one partition however many tasks run.
    """

    name: str
    schema: str
    key: str
    cleanup: str
    retention_ms: int | None
    written_by: str
    read_by: str
    partitioned: bool = True
    config: tuple[tuple[str, str], ...] = ()


WEB_LOGS: Final = Topic(
    "canvas.web_logs.v1",
    "web_log",
    "session id, else actor, else ip, else event key",
    "delete",
    7 * DAY_MS,
    "ingest, dead-letters",
    "sessionize, sink",
)
LIVE_EVENTS: Final = Topic(
    "canvas.live_events.v1",
    "live_event",
    "session id, else actor, else ip, else event key",
    "delete",
    7 * DAY_MS,
    "ingest, dead-letters",
    "sessionize, sink",
)
COURSE_AUDIT: Final = Topic(
    "canvas.course_audit.v1",
    "course_audit",
    "course id",
    "delete",
    30 * DAY_MS,
    "ingest, dead-letters",
    "sessionize, sink",
)
ERASURES: Final = Topic(
    "canvas.erasures.v1",
    "erasure",
    "kind|subject",
    "compact",
    None,
    "ingest, erase",
    "sessionize (restore), sink",
    partitioned=False,
)
SESSIONS: Final = Topic(
    "canvas.sessions.v1",
    "session",
    "session id|start",
    "compact,delete",
    7 * DAY_MS,
    "sessionize, recompute, erase",
    "sessionize (restore), sink",
    config=(("segment.ms", "600000"), ("min.cleanable.dirty.ratio", "0.1")),
)
REQUEST_DELTAS: Final = Topic(
    "canvas.request_deltas.v1",
    "request_delta",
    "feed|minute|dimension|key",
    "delete",
    7 * DAY_MS,
    "sessionize",
    "detect",
    partitioned=False,
)
REQUEST_STATS: Final = Topic(
    "canvas.request_stats.v1",
    "request_stat",
    "feed|minute|dimension|key",
    "compact,delete",
    7 * DAY_MS,
    "detect, recompute, erase",
    "detect (restore), sink",
    partitioned=False,
    config=(("segment.ms", "600000"), ("min.cleanable.dirty.ratio", "0.1")),
)
ANOMALIES: Final = Topic(
    "canvas.anomalies.v1",
    "anomaly",
    "fingerprint|episode",
    "compact,delete",
    30 * DAY_MS,
    "detect, recompute, erase",
    "notify, sink",
    partitioned=False,
)
DETECTOR_STATE: Final = Topic(
    "canvas.detector_state.v1",
    "detector_state",
    "detector|key",
    "compact",
    None,
    "detect",
    "detect (restore)",
    partitioned=False,
    config=(("segment.ms", "600000"), ("min.cleanable.dirty.ratio", "0.1")),
)
LATE: Final = Topic(
    "canvas.late.v1",
    "late_row",
    "event key",
    "delete",
    30 * DAY_MS,
    "sessionize",
    "sink",
)
ALERT_ACTIONS: Final = Topic(
    "canvas.alert_actions.v1",
    "alert_action",
    "fingerprint|kind|begin",
    "compact",
    None,
    "alerts, notify",
    "alerts, notify, sink",
    partitioned=False,
)
DEAD_LETTERS: Final = Topic(
    "canvas.dead_letters.v1",
    "dead_letter",
    "source",
    "delete",
    30 * DAY_MS,
    "ingest, sessionize, detect",
    "sink",
    partitioned=False,
)
DEAD_LETTER_ACTIONS: Final = Topic(
    "canvas.dead_letter_actions.v1",
    "dead_letter_action",
    "letter",
    "compact",
    None,
    "dead-letters",
    "dead-letters, sink",
    partitioned=False,
)
COMPLETENESS: Final = Topic(
    "canvas.completeness.v1",
    "completeness",
    "feed|start",
    "delete",
    30 * DAY_MS,
    "ingest, dead-letters, sessionize",
    "sink",
    partitioned=False,
)
INGEST_CURSORS: Final = Topic(
    "canvas.ingest_cursors.v1",
    "ingest_cursor",
    "agent|subject",
    "compact",
    None,
    "ingest",
    "ingest",
    partitioned=False,
)

TOPICS: Final = (
    WEB_LOGS,
    LIVE_EVENTS,
    COURSE_AUDIT,
    ERASURES,
    SESSIONS,
    REQUEST_DELTAS,
    REQUEST_STATS,
    ANOMALIES,
    DETECTOR_STATE,
    LATE,
    ALERT_ACTIONS,
    DEAD_LETTERS,
    DEAD_LETTER_ACTIONS,
    COMPLETENESS,
    INGEST_CURSORS,
)
