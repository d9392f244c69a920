"""Rows that came later than the allowed lateness, as received."""

from typing import Final

from pipeline.domain import topics
from pipeline.sink.tables.table import Expiry, Table

LATE_ROWS: Final = Table(
    topic=topics.LATE,
    name="late_rows",
    expiry=Expiry("toStartOfHour(event_time)", "raw"),
    of_request="toUUIDOrZero(event_key) IN {requests}",
    request_in="toUUIDOrZero(event_key)",
    # A late row does not say whose it is; the feed's own row of the same key does,
    # and names the person to a sweep.
    of_person=(
        "toUUIDOrZero(event_key) IN (SELECT id FROM web_logs_store"
        " WHERE user_id IN {people} OR real_user_id IN {people})"
        " OR event_key IN (SELECT event_key FROM live_events_store"
        " WHERE user_id IN {people} OR real_user_id IN {people})"
    ),
)
