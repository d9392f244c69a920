"""Event batches from plain rows, with defaults for what a test does not care about."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from pipeline.codecs.event_batch import AUDIT_SCHEMA, LIVE_EVENT_SCHEMA, WEB_LOG_SCHEMA
from pipeline.domain.feeds import COURSE_AUDIT, LIVE_EVENTS, WEB_LOGS, Feed

SCHEMA: dict[Feed, dict[str, pl.DataType]] = {
    WEB_LOGS: WEB_LOG_SCHEMA,
    LIVE_EVENTS: LIVE_EVENT_SCHEMA,
    COURSE_AUDIT: AUDIT_SCHEMA,
}
DEFAULTS: dict[str, Any] = {
    "offset": 0,
    "time": 1_700_000_000_000_000,
    "key_hi": 0,
    "key_lo": 0,
    "session_id": None,
    "session_hi": 0,
    "session_lo": 0,
    "status": 200,
    "duration": 0,
    "write": False,
    "participated": False,
    "page": False,
    "masqueraded": False,
    "actor": None,
    "user": None,
    "course": None,
    "developer_key": None,
    "controller": None,
    "action": None,
    "ip": None,
    "user_agent": None,
    "host": None,
    "path": None,
    "login": 0,
    "request_id": None,
    "failed_login": False,
    "as_admin": False,
    "program": False,
    "fact": None,
    "doer": None,
    "subject": None,
    "origin": None,
}


def batch(rows: Iterable[dict[str, Any]], feed: Feed = WEB_LOGS) -> pl.DataFrame:
    """Return an event batch of rows that name only what matters."""
    schema = SCHEMA[feed]
    named = [{name: {**DEFAULTS, **row}[name] for name in schema} for row in rows]
    return pl.DataFrame(named, schema=schema)
