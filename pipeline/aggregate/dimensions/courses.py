"""Courses that are deleted, reset, concluded, hidden or opened, and mass deletes of any kind."""

from typing import Final

from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import AUDIT, SAYING, WEB, Narrow
from pipeline.aggregate.dimensions.parts import (
    ACTOR,
    COURSE,
    DOER,
    SUBJECT,
    or_else,
    text,
    where,
    word_by_text,
    word_by_trait,
)

NOBODY: Final = "none"
"""Who did what a background job does."""

_REQUESTED: Final = word_by_trait(
    (
        (traits.COURSE_DELETED, "deleted"),
        (traits.COURSE_RESET, "reset"),
        (traits.COURSES_CHANGED, "many"),
    ),
)
_SAID: Final = word_by_text(
    "fact",
    {
        "course_deleted": "deleted",
        "course_concluded": "concluded",
        "course_unpublished": "unpublished",
        "course_reset_to": "reset",
    },
)
AUDITED: Final = (
    *("created", "updated", "made_public", "opened", "dates_moved", "published", "unpublished"),
    *("concluded", "unconcluded", "deleted", "restored"),
    *("copied_from", "copied_to", "reset_from", "reset_to"),
)
"""What the Course Audit log says happened to a course."""
_AUDITED: Final = word_by_text("fact", {f"course_{kind}": kind for kind in AUDITED})
_CONCLUDED: Final = word_by_text("fact", {"course_concluded": "concluded"})
_OPEN: Final = word_by_text(
    "fact", {f"course_{kind}": "open" for kind in ("available", "unconcluded", "unpublished")}
)
_RESET: Final = word_by_text("fact", {"course_reset_to": "reset"})
_GONE: Final = word_by_text("fact", {"course_deleted": "deleted"})
_DONE: Final = (traits.WRITE, traits.ANSWERED)
_DELETED: Final = word_by_text(
    "fact",
    {
        kind: kind
        for kind in ("course_deleted", "section_deleted", "enrollment_deleted", "user_deleted")
    },
)

REQUESTED: Final = Narrow(
    "course_change",
    WEB,
    traits.COURSE_DELETED | traits.COURSE_RESET | traits.COURSES_CHANGED,
    (_REQUESTED, or_else(ACTOR, NOBODY)),
    (traits.WRITE,),
    members=COURSE,
)
_BY: Final = or_else(DOER, NOBODY)
SAID: Final = Narrow("course_change", SAYING, traits.FACT, (_SAID, _BY), members=SUBJECT)
RESET: Final = Narrow("course_reset_by", WEB, traits.COURSE_RESET, (ACTOR,), _DONE, members=COURSE)
RESET_NOTED: Final = Narrow(
    "course_reset_by", AUDIT, traits.FACT, (where(DOER, _RESET),), members=SUBJECT
)
DELETED: Final = Narrow(
    "course_deleted_by", WEB, traits.COURSE_DELETED, (ACTOR,), _DONE, members=COURSE
)
DELETED_NOTED: Final = Narrow(
    "course_deleted_by", AUDIT, traits.FACT, (where(DOER, _GONE),), members=SUBJECT
)
"""Who resets courses, and who deletes them: steps of one person. Live Events are left out: of a
reset they say that the course was deleted."""
CONCLUDED: Final = Narrow(
    "course_concluded", SAYING, traits.FACT, (where(SUBJECT, _CONCLUDED),), sampled=False
)
OPEN: Final = Narrow("course_open", SAYING, traits.FACT, (where(SUBJECT, _OPEN),), sampled=False)
"""Courses of which something says that they go on: any change, where the state is told with it."""
ANY: Final = Narrow("audit_change", AUDIT, traits.FACT, (_AUDITED, _BY), members=SUBJECT)
MASS: Final = Narrow(
    "mass_change", SAYING, traits.FACT, (_DELETED, text("origin")), members=SUBJECT
)
"""Deletes by kind and by what did them (sis, job, request). No event says the SIS batch it belongs
to: compare deletes of an hour with other hours."""

COURSES: Final = (
    *(REQUESTED, SAID, RESET, RESET_NOTED, DELETED, DELETED_NOTED),
    *(CONCLUDED, OPEN, ANY, MASS),
)
