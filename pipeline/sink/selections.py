"""Which rows and results a recomputation is about, as SQL conditions.

In conditions on rows ``<time>`` stands for the feed's column of event time and ``<feed>`` for its
name. A selection takes sessions whole or minutes whole, never parts of them.
"""

from dataclasses import dataclass, field
from typing import Any, Final

LATE_ROWS: Final = """
    SELECT 'web_logs' AS feed, session_id, `timestamp` AS at
    FROM web_logs_first
    WHERE ingested_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')
      AND (toStartOfHour(`timestamp`), id) IN (
        SELECT toStartOfHour(event_time), toUUIDOrZero(event_key)
        FROM late_rows WHERE feed = 'web_logs' AND reason = 'late'
      )
    UNION ALL
    SELECT 'live_events' AS feed, session_id, event_time AS at
    FROM live_events_first
    WHERE ingested_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')
      AND (toStartOfHour(event_time), event_key) IN (
        SELECT toStartOfHour(event_time), event_key
        FROM late_rows WHERE feed = 'live_events' AND reason = 'late'
      )
    UNION ALL
    SELECT 'course_audit' AS feed, CAST(NULL, 'Nullable(String)') AS session_id, created_at AS at
    FROM course_audit_first
    WHERE ingested_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')
      AND (toStartOfHour(created_at), id) IN (
        SELECT toStartOfHour(event_time), toUUIDOrZero(event_key)
        FROM late_rows WHERE feed = 'course_audit' AND reason = 'late'
      )
"""
"""Late rows that can be counted after all; ``since`` is when they were published (microseconds).
Rows with an impossible time never can, and erased ones are gone. Audit events change no session."""


@dataclass(frozen=True, slots=True)
class Selection:
    """``sessions`` and ``stats`` select stored results; None: such results are not compared."""

    rows: str = "1"
    sessions: str | None = "1"
    stats: str | None = "1"
    parameters: dict[str, Any] = field(default_factory=dict)


EVERYTHING: Final = Selection()


def one_session(session_id: str) -> Selection:
    """Return the rows of one session id; minutes have rows of others and are left out."""
    condition = "session_id = {session:String}"
    return Selection(condition, condition, None, {"session": session_id})


def late_sessions(since: int) -> Selection:
    """Return all rows of the sessions to which late rows belong."""
    condition = f"session_id IN (SELECT session_id FROM ({LATE_ROWS}) WHERE session_id != '')"  # noqa: S608 - ours
    return Selection(condition, condition, None, {"since": since})


def late_minutes(since: int) -> Selection:
    """Return all rows of the minutes in which late rows lie."""
    minutes = f"(SELECT feed, intDiv(toUnixTimestamp64Micro(at), 60000000) FROM ({LATE_ROWS}))"  # noqa: S608 - ours
    rows = f"('<feed>', intDiv(toUnixTimestamp64Micro(<time>), 60000000)) IN {minutes}"
    stats = f"(feed, intDiv(toUnixTimestamp64Micro(`minute`), 60000000)) IN {minutes}"
    return Selection(rows, None, stats, {"since": since})
