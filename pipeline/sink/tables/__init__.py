"""Every table the sink fills, one file each."""

from typing import Final

from pipeline.sink.tables.alert_actions import ALERT_ACTIONS
from pipeline.sink.tables.anomalies import ANOMALIES
from pipeline.sink.tables.completeness import COMPLETENESS
from pipeline.sink.tables.course_audit import COURSE_AUDIT
from pipeline.sink.tables.dead_letter_actions import DEAD_LETTER_ACTIONS
from pipeline.sink.tables.dead_letters import DEAD_LETTERS
from pipeline.sink.tables.erasures import ERASURES
from pipeline.sink.tables.late_rows import LATE_ROWS
from pipeline.sink.tables.live_events import LIVE_EVENTS
from pipeline.sink.tables.request_stats import REQUEST_STATS
from pipeline.sink.tables.sessions import SESSIONS
from pipeline.sink.tables.table import Table
from pipeline.sink.tables.web_logs import WEB_LOGS

TABLES: Final[tuple[Table, ...]] = (
    WEB_LOGS,
    LIVE_EVENTS,
    COURSE_AUDIT,
    SESSIONS,
    REQUEST_STATS,
    ANOMALIES,
    ALERT_ACTIONS,
    LATE_ROWS,
    DEAD_LETTERS,
    DEAD_LETTER_ACTIONS,
    COMPLETENESS,
    ERASURES,
)

_AWAITED: Final = (ANOMALIES, SESSIONS, REQUEST_STATS)

INSERTED: Final[tuple[Table, ...]] = (
    *_AWAITED,
    *(table for table in TABLES if table not in _AWAITED),
)
"""The same in the order in which a batch is inserted: what people and alarms wait for comes first;
erasures last, so that they delete from the others what came in the same batch."""

STORES: Final[tuple[str, ...]] = tuple(store for table in TABLES for store in table.stores)
"""Tables under the views, shadows among them."""

TOPICS: Final[tuple[str, ...]] = tuple(table.topic.name for table in TABLES)
"""Topics the stage reads, without prefix."""
