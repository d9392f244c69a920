"""Live Events in the Canvas format: ``{"metadata": {…}, "body": {…}}`` → LiveEvent.

Canvas's internal stream calls the first part ``attributes``, older documents the second ``data``;
both are taken. Absent and null fields mean the same, ids come as texts or numbers, event types,
roles and contexts are open sets. What has no column of its own is kept in ``extra``.
https://developerdocs.instructure.com/services/live-events/event-format/event-type-by-format
"""

from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

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
    person,
    request_id,
    require_timely,
)
from pipeline.codecs.validation import explain

FORMAT: Final = "canvas"
_METADATA_NAMES: Final = ("metadata", "attributes")
_BODY_NAMES: Final = ("body", "data")


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return text_or_none(value)
    if isinstance(value, bool | dict | list):
        raise ValueError("should be a text")  # noqa: TRY004
    return text_or_none(str(value))


def _name(value: Any) -> str:
    name = _text(value)
    if name is None:
        raise ValueError("is blank")
    return name


def _instant(value: Any) -> int:
    instant = parse_instant(value) if isinstance(value, str) else None
    if instant is None:
        raise ValueError("should be an instant like 2026-02-15T04:31:07.218Z")
    return instant


_Text = Annotated[str | None, BeforeValidator(_text)]
_Id = Annotated[int | None, BeforeValidator(canvas_id)]


class _Metadata(BaseModel):
    """Metadata of an event; only its name and time are always there."""

    model_config = ConfigDict(extra="allow")

    event_name: Annotated[str, BeforeValidator(_name)]
    event_time: Annotated[int, BeforeValidator(_instant)]
    session_id: _Text = None
    request_id: _Text = None
    job_id: _Text = None
    job_tag: _Text = None
    user_id: _Id = None
    real_user_id: _Id = None
    user_login: _Text = None
    user_sis_id: _Text = None
    user_account_id: _Id = None
    root_account_id: _Id = None
    root_account_uuid: _Text = None
    hostname: _Text = None
    client_ip: _Text = None
    http_method: _Text = None
    url: _Text = None
    referrer: _Text = None
    user_agent: _Text = None
    context_type: _Text = None
    context_id: _Id = None
    context_account_id: _Id = None
    context_role: _Text = None
    developer_key_id: _Id = None


def is_canvas_event(document: dict[str, Any]) -> bool:
    """Tell whether a JSON object has the parts of this format."""
    return any(isinstance(document.get(name), dict) for name in _METADATA_NAMES)


def read_canvas_event(document: dict[str, Any], now: int, name: str | None) -> LiveEvent:
    """Return the event; raise BadEvent.

    ``name`` is what the delivery said outside of the event (the SQS message attribute); it counts
    only if the metadata has no name of its own.
    """
    metadata_name = next(n for n in _METADATA_NAMES if isinstance(document.get(n), dict))
    body_name = next((n for n in _BODY_NAMES if n in document), "body")
    given = dict(document[metadata_name])
    if name and not given.get("event_name"):
        given["event_name"] = name
    body = document.get(body_name)
    if body is None:
        body = {}
    if not isinstance(body, dict):
        raise BadEvent(f"{body_name} should be a JSON object")
    try:
        metadata = _Metadata.model_validate(given)
    except ValidationError as error:
        reason, detail = explain(error)
        kind = BadValue if reason == "value" else BadEvent
        raise kind(f"{metadata_name}: {detail}") from None
    require_timely(metadata.event_time, now)
    unknown = {n: item for n, item in (metadata.model_extra or {}).items() if item is not None}
    known = {metadata_name, body_name}
    unknown |= {f"event.{n}": item for n, item in document.items() if n not in known}
    return _event(metadata, body, unknown)


def _event(metadata: _Metadata, body: dict[str, Any], unknown: dict[str, Any]) -> LiveEvent:
    shard = home_shard(metadata.root_account_id)
    canonical = canonical_json(body)
    request = request_id(metadata.request_id)
    context = in_local_form(metadata.context_id, shard)
    return LiveEvent(
        event_key=event_key(
            metadata.event_name, metadata.event_time, request or metadata.job_id, canonical
        ),
        event_name=metadata.event_name,
        event_time=metadata.event_time,
        format=FORMAT,
        session_id=hex_128(metadata.session_id),
        request_id=request,
        job_id=metadata.job_id,
        job_tag=metadata.job_tag,
        user_id=person(metadata.user_id, shard),
        real_user_id=person(metadata.real_user_id, shard),
        user_login=metadata.user_login,
        user_sis_id=metadata.user_sis_id,
        user_account_id=in_local_form(metadata.user_account_id, shard),
        root_account_id=metadata.root_account_id,
        root_account_uuid=metadata.root_account_uuid,
        hostname=metadata.hostname,
        client_ip=metadata.client_ip,
        http_method=metadata.http_method,
        url=metadata.url,
        referrer=metadata.referrer,
        user_agent=metadata.user_agent,
        context_type=metadata.context_type,
        context_id=context,
        context_account_id=in_local_form(metadata.context_account_id, shard),
        context_role=metadata.context_role,
        course_id=context if metadata.context_type == COURSE else None,
        developer_key_id=in_local_form(metadata.developer_key_id, shard),
        body=canonical,
        sent_at=None,
        extra=canonical_json(unknown) if unknown else None,
    )
