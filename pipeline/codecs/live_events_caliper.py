"""Live Events as Caliper IMS 1.1 events → LiveEvent.

Nothing but type, action and event time is asked of an event: the common columns are filled as far
as its parts say them, the event itself is kept whole in ``body``.
https://developerdocs.instructure.com/services/live-events/event-format/caliper-structure
"""

from typing import Any, Final

from pipeline.codecs.caliper_names import EXTENSION, caliper_name, urn_kind
from pipeline.codecs.canonical import canvas_id, hex_128, text_or_none
from pipeline.codecs.instants import parse_instant
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

FORMAT: Final = "caliper"
_ENVELOPE: Final = frozenset({"data", "sendTime", "sensor", "dataVersion"})
_CONTEXT_TYPES: Final = {
    "course": "Course",
    "account": "Account",
    "group": "Group",
    "user": "User",
}


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
    instant = _instant(event.get("eventTime"))
    if instant is None:
        raise BadValue("eventTime should be an instant like 2026-02-15T04:31:07.218Z")
    require_timely(instant, now)
    return _event(event, envelope, instant, name or caliper_name(event))


def _event(event: dict[str, Any], envelope: dict[str, Any], instant: int, name: str) -> LiveEvent:
    request = _extension(event)
    actor = _extension(event.get("actor"))
    target = _extension(event.get("object"))
    root = _id(actor.get("root_account_id"))
    shard = home_shard(root) or _shard_of_things(event)
    caused_by = request_id(_text(request.get("request_id")))
    job = _text(request.get("job_id"))
    context_type, context = _context(event.get("group"), shard)
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
        user_id=_user(event.get("actor"), shard),
        real_user_id=person(_id(actor.get("real_user_id")), shard),
        user_login=_text(actor.get("user_login")),
        user_sis_id=_text(actor.get("user_sis_id")),
        user_account_id=in_local_form(_id(actor.get("user_account_id")), shard),
        root_account_id=root,
        root_account_uuid=_text(actor.get("root_account_uuid")),
        hostname=_text(request.get("hostname")),
        client_ip=_text(request.get("client_ip")),
        http_method=_text(request.get("http_method") or target.get("http_method")),
        url=_text(request.get("request_url")),
        referrer=_text(event.get("referrer") or member(event, "referrer", "id")),
        user_agent=_text(request.get("user_agent")),
        context_type=context_type,
        context_id=context,
        context_account_id=in_local_form(_id(target.get("context_account_id")), shard),
        context_role=_role(event.get("membership")),
        course_id=context if context_type == COURSE else None,
        developer_key_id=in_local_form(_id(target.get("developer_key_id")), shard),
        body=canonical,
        sent_at=_instant(envelope.get("sendTime")),
        extra=canonical_json(unknown) if unknown else None,
    )


def _shard_of_things(event: dict[str, Any]) -> int | None:
    """Return the shard of the group or object, where no root account is said.

    Courses, accounts and what is in them live on the home shard; users may come from elsewhere.
    """
    for part in ("group", "object"):
        urn = member(event, part, "id")
        if urn_kind(urn) not in ("", "user") and (shard := home_shard(_urn_id(urn))):
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
        return _urn_id(text)


def _urn_id(urn: Any) -> int | None:
    """Return 5 for ``urn:instructure:canvas:course:5``, also with ``:section:9`` behind."""
    if not urn_kind(urn):
        return None
    kind = urn_kind(urn)
    text = urn.partition(f":{kind}:")[2].split(":")[0]
    try:
        return canvas_id(text)
    except ValueError:
        return None


def _user(actor: Any, shard: int | None) -> int | None:
    if urn_kind(member(actor, "id")) != "user":
        return None
    return person(_urn_id(member(actor, "id")), shard)


def _context(group: Any, shard: int | None) -> tuple[str | None, int | None]:
    urn = member(group, "id")
    extension = _extension(group)
    kind = _text(extension.get("context_type")) or _CONTEXT_TYPES.get(urn_kind(urn))
    # A section's URN begins with its course, which is the context.
    number = _urn_id(urn) or _id(extension.get("entity_id"))
    return kind, in_local_form(number, shard)


def _role(membership: Any) -> str | None:
    roles = member(membership, "roles")
    return _text(roles[0]) if isinstance(roles, list) and roles else None


def _instant(value: Any) -> int | None:
    return parse_instant(value) if isinstance(value, str) else None
