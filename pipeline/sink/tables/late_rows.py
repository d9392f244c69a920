"""Rows that came later than the allowed lateness, as received."""

from typing import Final

from pipeline.domain import topics
from pipeline.sink.tables.table import Expiry, Table

LATE_ROWS: Final = Table(
    topic=topics.LATE,
    name="late_rows",
    expiry=Expiry("toStartOfHour(event_time)", "raw"),
    of_request="toUUIDOrZero(event_key) IN {requests}",
)
