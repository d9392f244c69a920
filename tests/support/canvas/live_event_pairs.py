"""One happening as Canvas tells it in its own format, and as Caliper 1.1.

Every event that exists in both, with parts laid out as Instructure documents them:
https://developerdocs.instructure.com/services/live-events/event-format/event-type-by-format
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

SHARD: Final = 10_000_000_000_000
HOME: Final = 2107
EXTENSION: Final = "com.instructure.canvas"
ROLES: Final = {"StudentEnrollment": "Learner", "TeacherEnrollment": "Instructor"}


class Shape(NamedTuple):
    """What tells one kind of Caliper event from another."""

    type: str
    action: str
    object_type: str
    urn: str
    extension: dict[str, Any] = {}  # noqa: RUF012 (read only)


_STATE: Final[dict[str, Any]] = {"state": "active", "access_is_current": True}
_ENROLLMENT: Final[dict[str, Any]] = {"type": "StudentEnrollment", "workflow_state": "active"}
SHAPES: Final = {
    "asset_accessed": Shape("NavigationEvent", "NavigatedTo", "Entity", "course"),
    "assignment_created": Shape("Event", "Created", "AssignableDigitalResource", "assignment"),
    "assignment_override_created": Shape("Event", "Created", "Entity", "assignment_override"),
    "assignment_override_updated": Shape("Event", "Modified", "Entity", "assignment_override"),
    "assignment_updated": Shape("Event", "Modified", "AssignableDigitalResource", "assignment"),
    "attachment_created": Shape("Event", "Created", "Document", "attachment"),
    "attachment_deleted": Shape("Event", "Deleted", "Document", "attachment"),
    "attachment_updated": Shape("Event", "Modified", "Document", "attachment"),
    "course_created": Shape("Event", "Created", "CourseOffering", "course"),
    "course_updated": Shape("Event", "Modified", "CourseOffering", "course"),
    "discussion_entry_created": Shape("MessageEvent", "Posted", "Message", "discussionEntry"),
    "discussion_topic_created": Shape("ThreadEvent", "Created", "Thread", "discussion"),
    "enrollment_created": Shape("Event", "Created", "Entity", "enrollment", _ENROLLMENT),
    "enrollment_state_created": Shape("Event", "Created", "Entity", "enrollment", _STATE),
    "enrollment_state_updated": Shape("Event", "Modified", "Entity", "enrollment", _STATE),
    "enrollment_updated": Shape("Event", "Modified", "Entity", "enrollment", _ENROLLMENT),
    "grade_change": Shape("GradeEvent", "Graded", "Attempt", "submission"),
    "group_category_created": Shape("Event", "Created", "Entity", "groupCategory"),
    "group_created": Shape("Event", "Created", "Group", "group"),
    "group_membership_created": Shape("Event", "Created", "Membership", "groupMembership"),
    "logged_in": Shape("SessionEvent", "LoggedIn", "SoftwareApplication", ""),
    "logged_out": Shape("SessionEvent", "LoggedOut", "SoftwareApplication", ""),
    "quiz_created": Shape("Event", "Created", "Assessment", "quiz"),
    "quiz_submitted": Shape("AssessmentEvent", "Submitted", "Attempt", "submission"),
    "quiz_updated": Shape("Event", "Modified", "Assessment", "quiz"),
    "submission_created": Shape("AssignableEvent", "Submitted", "Attempt", "submission"),
    "submission_updated": Shape("Event", "Modified", "Attempt", "submission"),
    "syllabus_updated": Shape("Event", "Modified", "Document", "course"),
    "user_account_association_created": Shape("Event", "Created", "Entity", "account"),
    "wiki_page_created": Shape("Event", "Created", "Page", "wikiPage"),
    "wiki_page_deleted": Shape("Event", "Deleted", "Page", "wikiPage"),
    "wiki_page_updated": Shape("Event", "Modified", "Page", "wikiPage"),
}

CARRIED_BY_ALL: Final = (
    *("event_name", "event_time", "session_id", "request_id", "job_id", "job_tag"),
    *("user_id", "real_user_id", "user_login", "user_sis_id"),
    *("root_account_id", "root_account_uuid", "hostname", "client_ip"),
    *("url", "referrer", "user_agent", "context_type", "context_id", "context_role", "course_id"),
)
"""Columns that a Caliper event fills as one of the Canvas format does."""

CARRIED_BY_ASSETS: Final = ("http_method", "context_account_id", "developer_key_id")
"""Columns that only asset_accessed fills besides."""


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened; ids are global ones, ``user_id`` None stands for the system itself.

    ``by_job`` says that no request caused it; ``section`` puts the course's group into a section;
    ``wrapped`` writes ids as ``{"numberStr": …}`` wherever Caliper may.
    """

    name: str
    session: str | None = None
    user_id: int | None = None
    real_user_id: int | None = None
    course_id: int | None = None
    role: str | None = None
    url: str = "https://learn.example.edu/courses/5?a=1&amp;b=2"
    referrer: str | None = None
    developer_key_id: int | None = None
    by_job: bool = False
    section: bool = False
    wrapped: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns that both formats fill for it."""
        more = CARRIED_BY_ASSETS if self.name == "asset_accessed" else ()
        return (*CARRIED_BY_ALL, *more)


ROOT: Final = HOME * SHARD + 1
_TIME: Final = "2026-03-02T14:05:06.789Z"
_REQUEST: Final = {
    "request_id": "9f1c0a52-55ad-4e3c-9d39-0d9f6a1b2c3d",
    "hostname": "learn.example.edu",
    "client_ip": "198.51.100.7",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
}
_JOB: Final = {"job_id": "1020", "job_tag": "SIS::CSV::ImportRefactored#run_parallel_importer"}


def in_canvas_format(happening: Happening) -> dict[str, Any]:
    """Return the event in the Canvas format."""
    h = happening
    metadata: dict[str, Any] = {
        "event_name": h.name,
        "event_time": _TIME,
        "root_account_id": str(ROOT),
        "root_account_uuid": "Q7",
        "session_id": h.session,
        "producer": "canvas",
    }
    if h.by_job:
        metadata |= _JOB
    else:
        metadata |= _REQUEST | {"url": h.url, "referrer": h.referrer}
    if h.user_id is not None:
        metadata |= {
            "user_id": str(h.user_id),
            "real_user_id": None if h.real_user_id is None else str(h.real_user_id),
            "user_login": "ada@example.edu",
            "user_sis_id": "S-501",
            "user_account_id": str(ROOT),
        }
    if h.course_id is not None:
        metadata |= {"context_type": "Course", "context_id": str(h.course_id)}
        metadata["context_role"] = h.role
    if h.name == "asset_accessed":
        metadata |= {"http_method": "GET", "context_account_id": str(ROOT)}
        metadata["developer_key_id"] = h.developer_key_id
    return {"metadata": metadata, "body": {"asset_type": "course"}}


def in_caliper(happening: Happening) -> dict[str, Any]:
    """Return the event in a Caliper envelope."""
    h = happening
    shape = SHAPES[h.name]
    event: dict[str, Any] = {
        "@context": "http://purl.imsglobal.org/ctx/caliper/v1p1",
        "id": "urn:uuid:3b7f0c55-8f5e-4b0a-9a51-5c3a2d1e0f99",
        "type": shape.type,
        "actor": _actor(h),
        "action": shape.action,
        "object": _object(h, shape),
        "eventTime": _TIME,
        "edApp": {"id": "http://learn.example.edu/", "type": "SoftwareApplication"},
        "extensions": _extended(
            _JOB if h.by_job else _REQUEST | {"request_url": h.url, "version": "1.0.0"}
        ),
    }
    if not h.by_job and h.referrer is not None:
        event["referrer"] = h.referrer
    if h.session is not None:
        event["session"] = {"id": f"urn:instructure:canvas:session:{h.session}", "type": "Session"}
    if h.course_id is not None:
        event |= _course(h, h.course_id)
    return {
        "sensor": "http://learn.example.edu/",
        "sendTime": "2026-03-02T14:05:09.001Z",
        "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1",
        "data": [event],
    }


def _actor(h: Happening) -> dict[str, Any]:
    account = {"root_account_id": _number(h, ROOT), "root_account_uuid": "Q7"}
    if h.user_id is None:
        return {
            "id": "http://learn.example.edu/",
            "type": "SoftwareApplication",
            "extensions": _extended(account),
        }
    account |= {"user_login": "ada@example.edu", "user_sis_id": "S-501"}
    account["entity_id"] = _number(h, h.user_id)
    if h.real_user_id is not None:
        account["real_user_id"] = _number(h, h.real_user_id)
    return {"id": _urn("user", h.user_id), "type": "Person", "extensions": _extended(account)}


def _object(h: Happening, shape: Shape) -> dict[str, Any]:
    thing: dict[str, Any] = {"type": shape.object_type, "maxScore": {"numberStr": "12.5"}}
    thing["id"] = _urn(shape.urn, HOME * SHARD + 371) if shape.urn else "http://learn.example.edu/"
    extension = dict(shape.extension)
    if h.name == "asset_accessed":
        extension |= {"http_method": "GET", "context_account_id": _number(h, ROOT)}
        if h.developer_key_id is not None:
            extension["developer_key_id"] = _number(h, h.developer_key_id)
    return {**thing, "extensions": _extended(extension)}


def _course(h: Happening, course: int) -> dict[str, Any]:
    urn = _urn("course", course)
    group = f"{urn}:section:{HOME * SHARD + 9}" if h.section else urn
    extension = {"context_type": "Course", "entity_id": str(course)}
    parts: dict[str, Any] = {
        "group": {"id": group, "type": "CourseOffering", "extensions": _extended(extension)}
    }
    if h.user_id is not None:
        role = None if h.role is None else ROLES[h.role]
        membership = {"id": f"{group}:{role or 'user'}:{h.user_id}", "type": "Membership"}
        parts["membership"] = {**membership, "roles": [role]} if role else membership
    return parts


def _number(h: Happening, number: int) -> Any:
    return {"numberStr": str(number)} if h.wrapped else str(number)


def _urn(kind: str, number: int) -> str:
    return f"urn:instructure:canvas:{kind}:{number}"


def _extended(extension: dict[str, Any]) -> dict[str, Any]:
    return {EXTENSION: extension}
