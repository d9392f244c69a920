"""Rows of an event batch, one by one, for tests that build batches by hand."""

from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from pipeline.domain.feeds import WEB_LOGS, Feed

EVENT_BATCH = {
    "offset": pl.Int64,
    "time": pl.Int64,
    "key_hi": pl.UInt64,
    "key_lo": pl.UInt64,
    "session_id": pl.String,
    "session_hi": pl.UInt64,
    "session_lo": pl.UInt64,
    "status": pl.Int32,
    "duration": pl.Int64,
    "write": pl.Boolean,
    "participated": pl.Boolean,
    "page": pl.Boolean,
    "masqueraded": pl.Boolean,
    "actor": pl.Int64,
    "user": pl.Int64,
    "course": pl.Int64,
    "developer_key": pl.Int64,
    "controller": pl.String,
    "action": pl.String,
    "ip": pl.String,
    "user_agent": pl.String,
    "host": pl.String,
    "path": pl.String,
    "login": pl.Int8,
    "request_id": pl.String,
    "failed_login": pl.Boolean,
}


class Row(NamedTuple):
    """One row with a session; ``session`` and ``key`` are 128-bit numbers."""

    session: int
    time: int
    key: int = 1
    feed: Feed = WEB_LOGS
    offset: int = 0
    status: int = 200
    duration: int = 0
    write: bool = False
    participated: bool = False
    page: bool = True
    masqueraded: bool = False
    actor: int | None = None
    user: int | None = None
    course: int | None = None
    developer_key: int | None = None
    controller: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    path: str | None = None
    login: int = 0


def event_batch(rows: Iterable[Row]) -> pl.DataFrame:
    """Return the rows as an event batch; live events lose what only web_logs have."""
    records = []
    for row in rows:
        web = row.feed == WEB_LOGS
        records.append(
            {name: value for name, value in row._asdict().items() if name in EVENT_BATCH}
            | {
                "session_id": f"{row.session:032x}",
                "session_hi": row.session >> 64,
                "session_lo": row.session & (1 << 64) - 1,
                "key_hi": row.key >> 64,
                "key_lo": row.key & (1 << 64) - 1,
                "status": row.status if web else 0,
                "duration": row.duration if web else 0,
                "request_id": f"{row.key:032x}",
                "failed_login": False,
            }
        )
    return pl.DataFrame(records, schema=EVENT_BATCH)
