"""Names of Caliper 1.1 events, which carry none: from what they say they are.

Canvas's Caliper events have the same names as those of the Canvas format. Over HTTPS nothing tells
the name but (type, action, kind of object), which is unique but for enrollments and their states.
https://developerdocs.instructure.com/services/live-events/event-format/event-type-by-format
"""

from typing import Any, Final

from pipeline.codecs.caliper_urns import urn_kind
from pipeline.codecs.live_event import member

EXTENSION: Final = "com.instructure.canvas"

_BY_TYPE: Final = {
    ("SessionEvent", "LoggedIn"): "logged_in",
    ("SessionEvent", "LoggedOut"): "logged_out",
    ("NavigationEvent", "NavigatedTo"): "asset_accessed",
    ("GradeEvent", "Graded"): "grade_change",
    ("AssessmentEvent", "Submitted"): "quiz_submitted",
    ("AssignableEvent", "Submitted"): "submission_created",
    ("MessageEvent", "Posted"): "discussion_entry_created",
    ("ThreadEvent", "Created"): "discussion_topic_created",
}
_BY_OBJECT_TYPE: Final = {
    "AssignableDigitalResource": "assignment",
    "Assessment": "quiz",
    "CourseOffering": "course",
    "Page": "wiki_page",
    "Attempt": "submission",
    "Group": "group",
    "Membership": "group_membership",
    "Thread": "discussion_topic",
    "Message": "discussion_entry",
}
_BY_URN: Final = {
    ("Document", "attachment"): "attachment",
    ("Entity", "account"): "user_account_association",
    ("Entity", "assignment_override"): "assignment_override",
    ("Entity", "groupCategory"): "group_category",
    ("Entity", "enrollment"): "enrollment",
}
_VERBS: Final = {"Created": "created", "Modified": "updated", "Deleted": "deleted"}
_STATE_MEMBERS: Final = ("state", "access_is_current", "state_is_current", "restricted_access")


def caliper_name(event: dict[str, Any]) -> str:
    """Return the event's name; ``caliper.<type>.<action>[.<object>]`` for a kind we do not know."""
    kind, action = str(event.get("type")), str(event.get("action"))
    name = _BY_TYPE.get((kind, action))
    if name is not None:
        return name
    target = event.get("object")
    object_type = str(member(target, "type") or "")
    urn = urn_kind(member(target, "id"))
    if action in _VERBS:
        if object_type == "Document" and urn == "course":
            return f"syllabus_{_VERBS[action]}"
        noun = _BY_OBJECT_TYPE.get(object_type) or _BY_URN.get((object_type, urn))
        if noun == "enrollment" and _is_state(target):
            noun = "enrollment_state"
        if noun is not None:
            return f"{noun}_{_VERBS[action]}"
    return ".".join(part for part in ("caliper", kind, action, object_type) if part)


def _is_state(target: Any) -> bool:
    extension = member(target, "extensions", EXTENSION) or {}
    if "workflow_state" in extension:
        return False
    return any(name in extension for name in _STATE_MEMBERS)
