"""Courses that are deleted, reset, concluded or hidden, and mass deletes of whatever kind."""

from typing import Final

from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import LIVE, WEB, Narrow
from pipeline.aggregate.dimensions.parts import (
    ACTOR,
    COURSE,
    DOER,
    SUBJECT,
    or_else,
    text,
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
    },
)
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
SAID: Final = Narrow(
    "course_change", LIVE, traits.FACT, (_SAID, or_else(DOER, NOBODY)), members=SUBJECT
)
MASS: Final = Narrow("mass_change", LIVE, traits.FACT, (_DELETED, text("origin")), members=SUBJECT)
"""Deletes by kind and by what did them (sis, job, request). No event says the SIS batch it belongs
to: compare deletes of an hour with other hours."""

COURSES: Final = (REQUESTED, SAID, MASS)
