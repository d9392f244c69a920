"""The catalogue of topics: every topic once.

Names are without the installation's prefix; only the edges add it.
"""

from dataclasses import dataclass
from typing import Final, Literal

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic: its name, the schema of its values, and how the broker keeps it.

    ``key`` says what records are keyed by, ``|`` between parts. Writers and readers are stages,
    agents (``ingest``) and commands; a stage reads what it writes itself to restore its state.
    ``partitioned`` is false for topics that have one partition however many tasks run.
    """

    name: str
    schema: str
    key: str
    cleanup: Literal["delete", "compact", "compact,delete"]
    retention_ms: int | None
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]
    partitioned: bool = True
    config: tuple[tuple[str, str], ...] = ()


WEB_LOGS: Final = Topic(
    name="canvas.web_logs.v1",
    schema="web_log",
    key="session id, else actor, else ip, else event key",
    cleanup="delete",
    retention_ms=7 * DAY_MS,
    written_by=("ingest", "dead-letters"),
    read_by=("sessionize", "sink"),
)
LIVE_EVENTS: Final = Topic(
    name="canvas.live_events.v1",
    schema="live_event",
    key="session id, else actor, else ip, else event key",
    cleanup="delete",
    retention_ms=7 * DAY_MS,
    written_by=("ingest", "dead-letters"),
    read_by=("sessionize", "sink"),
)
COURSE_AUDIT: Final = Topic(
    name="canvas.course_audit.v1",
    schema="course_audit",
    key="course id",
    cleanup="delete",
    retention_ms=30 * DAY_MS,
    written_by=("ingest", "dead-letters"),
    read_by=("sessionize", "sink"),
)
ERASURES: Final = Topic(
    name="canvas.erasures.v1",
    schema="erasure",
    key="kind|subject",
    cleanup="compact",
    retention_ms=None,
    written_by=("ingest", "erase"),
    read_by=("sessionize", "sink"),
    partitioned=False,
)
SESSIONS: Final = Topic(
    name="canvas.sessions.v1",
    schema="session",
    key="session id|start",
    cleanup="compact,delete",
    retention_ms=7 * DAY_MS,
    written_by=("sessionize", "recompute", "erase"),
    read_by=("sessionize", "sink"),
    config=(("segment.ms", "600000"), ("min.cleanable.dirty.ratio", "0.1")),
)
REQUEST_DELTAS: Final = Topic(
    name="canvas.request_deltas.v1",
    schema="request_delta",
    key="feed|minute|dimension|key",
    cleanup="delete",
    retention_ms=7 * DAY_MS,
    written_by=("sessionize",),
    read_by=("detect",),
    partitioned=False,
)
REQUEST_STATS: Final = Topic(
    name="canvas.request_stats.v1",
    schema="request_stat",
    key="feed|minute|dimension|key",
    cleanup="compact,delete",
    retention_ms=7 * DAY_MS,
    written_by=("detect", "recompute", "erase"),
    read_by=("detect", "sink"),
    partitioned=False,
    config=(("segment.ms", "600000"), ("min.cleanable.dirty.ratio", "0.1")),
)
ANOMALIES: Final = Topic(
    name="canvas.anomalies.v1",
    schema="anomaly",
    key="fingerprint|episode",
    cleanup="compact,delete",
    retention_ms=30 * DAY_MS,
    written_by=("detect", "recompute", "erase"),
    read_by=("notify", "sink"),
    partitioned=False,
)
DETECTOR_STATE: Final = Topic(
    name="canvas.detector_state.v1",
    schema="detector_state",
    key="detector|key",
    cleanup="compact",
    retention_ms=None,
    written_by=("detect",),
    read_by=("detect",),
    partitioned=False,
    config=(("segment.ms", "600000"), ("min.cleanable.dirty.ratio", "0.1")),
)
LATE: Final = Topic(
    name="canvas.late.v1",
    schema="late_row",
    key="event key",
    cleanup="delete",
    retention_ms=30 * DAY_MS,
    written_by=("sessionize",),
    read_by=("sink",),
)
ALERT_ACTIONS: Final = Topic(
    name="canvas.alert_actions.v1",
    schema="alert_action",
    key="fingerprint|kind|begin",
    cleanup="compact",
    retention_ms=None,
    written_by=("alerts", "notify"),
    read_by=("alerts", "notify", "sink"),
    partitioned=False,
)
DEAD_LETTERS: Final = Topic(
    name="canvas.dead_letters.v1",
    schema="dead_letter",
    key="source",
    cleanup="delete",
    retention_ms=30 * DAY_MS,
    written_by=("ingest", "sessionize", "detect"),
    read_by=("sink",),
    partitioned=False,
)
DEAD_LETTER_ACTIONS: Final = Topic(
    name="canvas.dead_letter_actions.v1",
    schema="dead_letter_action",
    key="letter",
    cleanup="compact",
    retention_ms=None,
    written_by=("dead-letters",),
    read_by=("dead-letters", "sink"),
    partitioned=False,
)
COMPLETENESS: Final = Topic(
    name="canvas.completeness.v1",
    schema="completeness",
    key="feed|start",
    cleanup="delete",
    retention_ms=30 * DAY_MS,
    written_by=("ingest", "dead-letters", "sessionize"),
    read_by=("sink",),
    partitioned=False,
)
INGEST_CURSORS: Final = Topic(
    name="canvas.ingest_cursors.v1",
    schema="ingest_cursor",
    key="agent|subject",
    cleanup="compact",
    retention_ms=None,
    written_by=("ingest",),
    read_by=("ingest",),
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
