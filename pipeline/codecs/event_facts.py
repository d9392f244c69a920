"""What a Live Event says in its body that detection needs: the few events that say it.

Whoever is about to count events looks at columns; what only a body says is read here, of
seven event types, and stands in four columns then: the *fact*, who did it, whom or what it is
about, and where it came from. Both formats are read; Caliper says no old score, so nothing of it is
a raise.
https://developerdocs.instructure.com/services/live-events/event-format/event-type-by-format
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.codecs.caliper_names import EXTENSION
from pipeline.codecs.caliper_urns import urn_id
from pipeline.codecs.canonical import canvas_id
from pipeline.codecs.live_event import home_shard, in_local_form, member, person
from pipeline.codecs.text_views import text_views

FACT_SCHEMA: Final[dict[str, pl.DataType]] = {
    "fact": pl.String(),
    "doer": pl.Int64(),
    "subject": pl.Int64(),
    "origin": pl.String(),
}

GRADED: Final = "graded"
RAISED: Final = "raised"
"""A grade that was there before got higher; it counts as graded too."""
ADMIN_ADDED: Final = "admin_added"
COURSE_DELETED: Final = "course_deleted"
COURSE_CONCLUDED: Final = "course_concluded"
COURSE_UNPUBLISHED: Final = "course_unpublished"
COURSE_AVAILABLE: Final = "course_available"
"""Whatever was changed of it, the course goes on."""
ENROLLMENT_DELETED: Final = "enrollment_deleted"
SECTION_DELETED: Final = "section_deleted"
USER_DELETED: Final = "user_deleted"
_OF_COURSES: Final = frozenset(
    {COURSE_DELETED, COURSE_CONCLUDED, COURSE_UNPUBLISHED, COURSE_AVAILABLE}
    | {ENROLLMENT_DELETED, SECTION_DELETED}
)

_SIS: Final = "SIS::"
"""Jobs of a SIS import are tagged with a class of this module of Canvas."""


class _Said(NamedTuple):
    """A fact; ``doer`` None: whoever caused the event. Ids as the body has them."""

    fact: str
    doer: Any = None
    subject: Any = None
    nobody: bool = False


def fact_columns(decoded: pl.DataFrame) -> list[pl.Series]:
    """Return the columns of FACT_SCHEMA for decoded Live Events; null where nothing is said.

    A body is parsed only where an event type of ``_READERS`` may say something, about 10
    microseconds each; names are told apart by their first four letters, which a view holds.
    """
    heads = text_views(decoded["event_name"]).views[::2] >> 32
    some = np.zeros(len(heads), bool)
    for head in _HEADS:
        some |= heads == head
    rows = np.flatnonzero(some)
    found: dict[int, _Fact] = {}
    if len(rows):
        few = decoded.select(_ASKED)[rows]
        for row, event in zip(rows.tolist(), few.iter_rows(), strict=True):
            fact = _fact(_Event(*event)) if event[0] in _READERS else None
            if fact is not None:
                found[row] = fact
    if not found:
        return [pl.Series(n, [None], t).new_from_index(0, len(heads)) for n, t in _TYPES]
    return _scattered(found, len(heads))


_ASKED: Final = (
    "event_name",
    "body",
    "user_id",
    "real_user_id",
    "course_id",
    "root_account_id",
    "job_tag",
)
_TYPES: Final = tuple(FACT_SCHEMA.items())


class _Event(NamedTuple):
    """Columns ``_ASKED`` of an event."""

    name: str
    body: str
    user: int | None
    real_user: int | None
    course: int | None
    root_account: int | None
    job_tag: str | None


class _Fact(NamedTuple):
    """Columns FACT_SCHEMA of an event."""

    fact: str
    doer: int | None
    subject: int | None
    origin: str


def _scattered(found: Mapping[int, _Fact], rows: int) -> list[pl.Series]:
    places = np.fromiter(found, np.int64, len(found))
    few = pl.DataFrame(list(found.values()), schema=FACT_SCHEMA, orient="row")
    take, absent = np.zeros(rows, np.uint32), np.ones(rows, bool)
    take[places] = np.arange(len(places))
    absent[places] = False
    taken = pl.Series(values=pa.array(take, mask=absent))
    return few.select(pl.all().gather(taken)).get_columns()


def _fact(event: _Event) -> _Fact | None:
    reader, words = _READERS[event.name]
    if words and not any(word in event.body for word in words):
        return None
    try:
        document = json.loads(event.body)
    except (ValueError, RecursionError):
        return None
    said = reader(document) if isinstance(document, dict) else None
    if said is None:
        return None
    shard = home_shard(event.root_account)
    doer = event.user if said.doer is None else person(_id(said.doer), shard)
    if event.real_user is not None:
        doer = event.real_user
    subject = in_local_form(_id(said.subject), shard)
    if subject is None and said.fact in _OF_COURSES:
        subject = event.course
    origin = "request"
    if event.job_tag is not None:
        origin = "sis" if event.job_tag.startswith(_SIS) else "job"
    return _Fact(said.fact, None if said.nobody else doer, subject, origin)


def _grade(body: dict[str, Any]) -> _Said | None:
    if _is_caliper(body):
        return _Said(GRADED, subject=member(body, "object", "assignee", "id"))
    if "override_score" in body:
        raised = _more(body.get("override_score"), body.get("old_override_score"))
        return _Said(RAISED if raised else GRADED, subject=body.get("user_id"))
    raised = _more(body.get("score"), body.get("old_score"))
    grader = body.get("grader_id")
    number = _id(grader)
    # Canvas notes a quiz or a tool that graded by itself as a negative grader.
    by_itself = number is not None and number <= 0
    return _Said(RAISED if raised else GRADED, grader, body.get("student_id"), nobody=by_itself)


def _course(body: dict[str, Any]) -> _Said | None:
    fact = _COURSE_STATES.get(_value(body, "workflow_state"))
    about = member(body, "object", "id") if _is_caliper(body) else body.get("course_id")
    return _Said(fact, subject=about) if fact else None


_COURSE_STATES: Final[Mapping[Any, str]] = {
    "deleted": COURSE_DELETED,
    "completed": COURSE_CONCLUDED,
    "claimed": COURSE_UNPUBLISHED,
    "available": COURSE_AVAILABLE,
}


def _deleted(fact: str, about: str) -> Callable[[dict[str, Any]], _Said | None]:
    def read(body: dict[str, Any]) -> _Said | None:
        if _value(body, "workflow_state") != "deleted":
            return None
        return _Said(fact, subject=_value(body, about))

    return read


def _admin(body: dict[str, Any]) -> _Said | None:
    if _value(body, "is_admin") is not True:
        return None
    return _Said(ADMIN_ADDED, subject=_value(body, "user_id"))


_GONE: Final = ('"deleted"',)
_READERS: Final[Mapping[str, tuple[Callable[[dict[str, Any]], _Said | None], tuple[str, ...]]]] = {
    "grade_change": (_grade, ()),
    "grade_override": (_grade, ()),
    "course_updated": (_course, ('"deleted"', '"completed"', '"claimed"', '"available"')),
    "enrollment_updated": (_deleted(ENROLLMENT_DELETED, "course_id"), _GONE),
    "course_section_updated": (_deleted(SECTION_DELETED, "course_id"), _GONE),
    "user_updated": (_deleted(USER_DELETED, "user_id"), _GONE),
    "user_account_association_created": (_admin, ('"is_admin":true',)),
}
"""How an event type is read, and texts of which one must be in the body (compact JSON)."""

_HEADS: Final = frozenset(int.from_bytes(name.encode()[:4], "little") for name in _READERS)

_LONG: Final = 19
"""Digits that may be too many for 63 bits."""


def _is_caliper(body: dict[str, Any]) -> bool:
    return "eventTime" in body


def _value(body: dict[str, Any], name: str) -> Any:
    return (
        member(body, "object", "extensions", EXTENSION, name)
        if _is_caliper(body)
        else body.get(name)
    )


def _more(new: Any, old: Any) -> bool:
    numbers = [each for each in (new, old) if isinstance(each, int | float)]
    return len(numbers) == 2 and new > old


def _id(value: Any) -> int | None:
    if isinstance(value, str) and len(value) < _LONG and value.isdecimal() and value.isascii():
        return int(value)  # as nearly all are
    if isinstance(value, str) and value.startswith("urn:"):
        return urn_id(value)
    try:
        return canvas_id(value)
    except ValueError:
        return None
