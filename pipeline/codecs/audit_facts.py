"""What an event of the Course Audit log says that detection needs, in the columns of a fact.

The *fact* is ``course_`` and the event type of Canvas, with three exceptions: ``claimed`` is what
Canvas calls an unpublished course; of an ``updated`` course the gravest change counts; and types
that this version does not know say nothing.
https://developerdocs.instructure.com/services/canvas/resources/course_audit_log
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from pipeline.codecs.event_facts import (
    COURSE_CONCLUDED,
    COURSE_DELETED,
    COURSE_UNPUBLISHED,
    FACT_SCHEMA,
)

COURSE_RESET: Final = "course_reset_to"
"""Canvas writes two events for a reset: this one for the course that is gone."""
MADE_PUBLIC: Final = "course_made_public"
"""Anybody can read the course without logging in."""
OPENED: Final = "course_opened"
"""Whoever can log in can read the course, or anybody its syllabus."""
DATES_MOVED: Final = "course_dates_moved"
"""When the course begins or ends, or whether its dates bind."""
UPDATED: Final = "course_updated"

FACTS: Final[Mapping[str, str]] = {
    **{
        kind: f"course_{kind}"
        for kind in (
            "created",
            "updated",
            "unconcluded",
            "published",
            "restored",
            "copied_from",
            "copied_to",
            "reset_from",
        )
    },
    "deleted": COURSE_DELETED,
    "concluded": COURSE_CONCLUDED,
    "claimed": COURSE_UNPUBLISHED,
    "reset_to": COURSE_RESET,
}
"""Facts by event type."""

_OPENING: Final = ("public_syllabus", "public_syllabus_to_auth", "is_public_to_auth_users")
_DATES: Final = ("start_at", "conclude_at", "restrict_enrollments_to_course_dates")
_ASKED: Final = tuple(f'"{name}"' for name in ("is_public", *_OPENING, *_DATES))
"""Names in the text, so that an update of something else is not parsed."""

_SIS: Final = "sis"


def audit_fact_columns(decoded: pl.DataFrame) -> list[pl.Series]:
    """Return the columns of FACT_SCHEMA for decoded audit events; a fact may be null.

    The doer is who is logged in, so whom somebody acts as; nobody for an import and for jobs. Some
    8 microseconds for an update that changes what is asked for; courses change too rarely for
    more care.
    """
    facts = [
        _of_update(data) if kind == "updated" else FACTS.get(kind)
        for kind, data in zip(decoded["event_type"], decoded["event_data"], strict=True)
    ]
    imported = decoded.select(
        pl.col("event_source").eq_missing(pl.lit(_SIS)) | pl.col("sis_batch_id").is_not_null()
    ).to_series()
    said = decoded.select(
        pl.Series("fact", facts, pl.String),
        pl.when(~imported).then("user_id").alias("doer"),
        pl.col("course_id").alias("subject"),
        pl.when(imported)
        .then(pl.lit(_SIS))
        .when(pl.col("user_id").is_null())
        .then(pl.lit("job"))
        .otherwise(pl.lit("request"))
        .alias("origin"),
    )
    return [said[name].cast(dtype) for name, dtype in FACT_SCHEMA.items()]


def _of_update(data: str) -> str:
    if not any(name in data for name in _ASKED):
        return UPDATED
    try:
        changes = json.loads(data)
    except (ValueError, RecursionError):
        return UPDATED
    if not isinstance(changes, dict):
        return UPDATED
    if _turned_on(changes, "is_public"):
        return MADE_PUBLIC
    if any(_turned_on(changes, name) for name in _OPENING):
        return OPENED
    return DATES_MOVED if any(name in changes for name in _DATES) else UPDATED


def _turned_on(changes: Mapping[str, Any], name: str) -> bool:
    """Whether a pair of old and new value says that something is true now and was not."""
    match changes.get(name):
        case [old, new]:
            return _is_true(new) and not _is_true(old)
        case _:
            return False


def _is_true(value: Any) -> bool:
    """Read a value: settings of a course are stored as they were sent, as texts or truth values."""
    return value is True or value in ("true", "1")
