"""The columns of a web_logs row, by how they are read (DAP table canvas_logs.web_logs)."""

from typing import Final

import polars as pl

IDS: Final = (
    "user_id",
    "real_user_id",
    "course_id",
    "quiz_id",
    "discussion_id",
    "conversation_id",
    "assignment_id",
    "web_application_context_id",
    "developer_key_id",
)
REQUIRED_TEXTS: Final = ("url", "http_method", "http_version", "remote_ip")
NULLABLE_TEXTS: Final = (
    "web_application_controller",
    "web_application_action",
    "web_application_context_type",
    "user_agent",
)
WHOLES: Final = ("http_status", "interaction_micros")
SMALLEST_WHOLE: Final = -(2**31)
LARGEST_WHOLE: Final = 2**31 - 1

VALUE_FIELDS: Final = frozenset(
    (*IDS, *REQUIRED_TEXTS, *NULLABLE_TEXTS, *WHOLES, "timestamp", "session_id", "participated")
)

RAW_ROW: Final[dict[str, pl.DataType]] = {
    "row": pl.Int64(),
    "id": pl.String(),
    "timestamp": pl.Int64(),
    **{name: pl.Int64() for name in IDS},
    **{name: pl.String() for name in REQUIRED_TEXTS},
    **{name: pl.Int64() for name in WHOLES},
    **{name: pl.String() for name in NULLABLE_TEXTS},
    "session_id": pl.String(),
    "participated": pl.Boolean(),
    "committed_at": pl.Int64(),
    "extra": pl.String(),
}
"""What both ways of reading hand over: types are right, values not yet canonical.

``row`` is the position among the lines read together; ``extra`` is JSON without secrets.
"""

CONTENT: Final = (
    "id",
    "timestamp",
    "user_id",
    "real_user_id",
    "course_id",
    "quiz_id",
    "discussion_id",
    "conversation_id",
    "assignment_id",
    "url",
    "http_method",
    "http_status",
    "http_version",
    "remote_ip",
    "interaction_micros",
    "web_application_controller",
    "web_application_action",
    "web_application_context_type",
    "web_application_context_id",
    "session_id",
    "developer_key_id",
    "participated",
    "user_agent",
    "committed_at",
    "extra",
    "truncated",
)
"""Columns of web_log.avsc that come from the row; the agent adds the others."""
