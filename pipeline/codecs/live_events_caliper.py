"""Live Events as Caliper IMS 1.1 events → LiveEvent.

Nothing but type, action and event time is asked of an event: the common columns are filled as far
as its parts say them, with what the Canvas format would say there; the event itself is kept whole
in ``body``. Caliper says no account of the user, and HTTP method, developer key and account of the
context only of ``asset_accessed``; groups and accounts are no contexts in it. URLs are kept as they
come, ``&amp;`` included, as those of the Canvas format are.
https://developerdocs.instructure.com/services/live-events/event-format/caliper-structure
"""

from typing import Any, Final, NamedTuple, TypedDict

from pipeline.codecs.caliper_names import EXTENSION, caliper_name
from pipeline.codecs.caliper_urns import membership_role, urn_id, urn_kind
from pipeline.codecs.canonical import canvas_id, hex_128, text_or_none
from pipeline.codecs.json_text import canonical_json
from pipeline.codecs.live_event import (
    COURSE,
    BadEvent,
    BadValue,
    LiveEvent,
    event_key,
    home_shard,
    in_local_form,
    member,
    person,
    request_id,
    require_timely,
)
from pipeline.codecs.raw_values import instant_or_none

FORMAT: Final = "caliper"
_ENVELOPE: Final = frozenset({"data", "sendTime", "sensor", "dataVersion"})
_CONTEXT_TYPES: Final = {
    "course": "Course",
    "account": "Account",
    "group": "Group",
    "user": "User",
}
_ROLES: Final = {"Learner": "StudentEnrollment", "Instructor": "TeacherEnrollment"}
"""Of the Canvas format; the published examples of both formats show no others for one event."""


def is_caliper_envelope(document: dict[str, Any]) -> bool:
    """Tell whether a JSON object is an envelope with Caliper events in its ``data``."""
    return isinstance(document.get("data"), list)


def is_caliper_event(document: dict[str, Any]) -> bool:
    """Tell whether a JSON object is a bare Caliper event."""
    return "eventTime" in document and "type" in document


def read_caliper_event(
    event: Any, envelope: dict[str, Any], now: int, name: str | None
) -> LiveEvent:
    """Return one event of an envelope (empty for a bare one); raise BadEvent.

    ``name`` is what the delivery said (the SQS message attribute); without it the event is
    classified by its content.
    """
    if not isinstance(event, dict):
        raise BadEvent("a Caliper event should be a JSON object")
    for required in ("type", "action"):
        if not isinstance(event.get(required), str):
            raise BadEvent(f"{required} should be a text")
    instant = instant_or_none(event.get("eventTime"))
    if instant is None:
        raise BadValue("eventTime should be an instant like 2026-02-15T04:31:07.218Z")
    require_timely(instant, now)
    return _event(event, envelope, instant, name or caliper_name(event))


def _event(event: dict[str, Any], envelope: dict[str, Any], instant: int, name: str) -> LiveEvent:
    request, target = _extension(event), _extension(event.get("object"))
    who = _who(event)
    context_type, context = _context(event.get("group"), who.shard)
    caused_by, job = request_id(_text(request.get("request_id"))), _text(request.get("job_id"))
    unknown = {f"event.{n}": item for n, item in envelope.items() if n not in _ENVELOPE}
    canonical = canonical_json(event)
    key = hex_128(_text(event.get("id")))
    return LiveEvent(
        event_key=key or event_key(name, instant, caused_by or job, canonical),
        event_name=name,
        event_time=instant,
        format=FORMAT,
        session_id=hex_128(_text(member(event, "session", "id"))),
        request_id=caused_by,
        job_id=job,
        job_tag=_text(request.get("job_tag")),
        **who.columns,
        hostname=_text(request.get("hostname")),
        client_ip=_text(request.get("client_ip")),
        http_method=_text(request.get("http_method") or target.get("http_method")),
        url=_text(request.get("request_url")),
        referrer=_text(event.get("referrer")),
        user_agent=_text(request.get("user_agent")),
        context_type=context_type,
        context_id=context,
        context_account_id=in_local_form(_id(target.get("context_account_id")), who.shard),
        context_role=_role(event.get("membership")),
        course_id=context if context_type == COURSE else None,
        developer_key_id=in_local_form(_id(target.get("developer_key_id")), who.shard),
        body=canonical,
        sent_at=instant_or_none(envelope.get("sendTime")),
        extra=canonical_json(unknown) if unknown else None,
    )


class _Who(NamedTuple):
    """The columns that say who acted, and the shard that ids of the event are at home on."""

    columns: "_Person"
    shard: int | None


class _Person(TypedDict):
    user_id: int | None
    real_user_id: int | None
    user_login: str | None
    user_sis_id: str | None
    user_account_id: int | None
    root_account_id: int | None
    root_account_uuid: str | None


def _who(event: dict[str, Any]) -> _Who:
    actor = _extension(event.get("actor"))
    root = _id(actor.get("root_account_id"))
    shard = home_shard(root) or _shard_of_things(event)
    columns = _Person(
        user_id=_user(event.get("actor"), shard),
        real_user_id=person(_id(actor.get("real_user_id")), shard),
        user_login=_text(actor.get("user_login")),
        user_sis_id=_text(actor.get("user_sis_id")),
        user_account_id=in_local_form(_id(actor.get("user_account_id")), shard),
        root_account_id=root,
        root_account_uuid=_text(actor.get("root_account_uuid")),
    )
    return _Who(columns, shard)


def _shard_of_things(event: dict[str, Any]) -> int | None:
    """Return the shard of the group or object, where no root account is said.

    Courses, accounts and what is in them live on the home shard; users may come from elsewhere.
    """
    for part in ("group", "object"):
        urn = member(event, part, "id")
        if urn_kind(urn) not in ("", "user") and (shard := home_shard(urn_id(urn))):
            return shard
    return None


def _extension(part: Any) -> dict[str, Any]:
    extension = member(part, "extensions", EXTENSION)
    return extension if isinstance(extension, dict) else {}


def _text(value: Any) -> str | None:
    """Return a text; an object stands for its id, and a wrapped number for its digits."""
    if isinstance(value, dict):
        value = value.get("numberStr", value.get("id"))
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    return text_or_none(value) if isinstance(value, str) else None


def _id(value: Any) -> int | None:
    """Return an id given as number, text, wrapped number or URN; None for anything else."""
    text = _text(value)
    if text is None:
        return None
    try:
        return canvas_id(text)
    except ValueError:
        return urn_id(text)


def _user(actor: Any, shard: int | None) -> int | None:
    """Return the acting person; a system acts as a SoftwareApplication, whose id is a URL."""
    urn = member(actor, "id")
    return person(urn_id(urn), shard) if urn_kind(urn) == "user" else None


def _context(group: Any, shard: int | None) -> tuple[str | None, int | None]:
    urn = member(group, "id")
    extension = _extension(group)
    kind = _text(extension.get("context_type")) or _CONTEXT_TYPES.get(urn_kind(urn))
    # A section's URN begins with its course, which is the context.
    number = urn_id(urn) or _id(extension.get("entity_id"))
    return kind, in_local_form(number, shard)


def _role(membership: Any) -> str | None:
    """Return the role as the Canvas format names it, where that is known."""
    roles = member(membership, "roles")
    role = _text(roles[0]) if isinstance(roles, list) and roles else None
    role = role or membership_role(member(membership, "id"))
    return _ROLES.get(role, role) if role else None
