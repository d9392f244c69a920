"""Live Events in the Canvas format: ``{"metadata": {…}, "body": {…}}`` → LiveEvent.

Canvas's internal stream calls the first part ``attributes``, older documents the second ``data``;
both are taken. Absent and null fields mean the same, ids come as texts or numbers, event types,
roles and contexts are open sets. What has no column of its own is kept in ``extra``.
https://developerdocs.instructure.com/services/live-events/event-format/event-type-by-format
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BeforeValidator, ValidationError, create_model

from pipeline.codecs.canonical import canvas_id, hex_128
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
from pipeline.codecs.raw_values import instant_of, required_text, text_of
from pipeline.codecs.validation import explain

FORMAT: Final = "canvas"
_METADATA_NAMES: Final = ("metadata", "attributes")
_TEXT_IDS: Final = frozenset({"session_id", "request_id", "job_id", "user_sis_id"})


class _Metadata(NamedTuple):
    """Metadata of an event; only its name and time are always there."""

    event_name: str
    event_time: int
    session_id: str | None
    request_id: str | None
    job_id: str | None
    job_tag: str | None
    user_id: int | None
    real_user_id: int | None
    user_login: str | None
    user_sis_id: str | None
    user_account_id: int | None
    root_account_id: int | None
    root_account_uuid: str | None
    hostname: str | None
    client_ip: str | None
    http_method: str | None
    url: str | None
    referrer: str | None
    user_agent: str | None
    context_type: str | None
    context_id: int | None
    context_account_id: int | None
    context_role: str | None
    developer_key_id: int | None


_NAMES: Final = frozenset(_Metadata._fields)
_REQUIRED: Final[dict[str, Callable[[Any], Any]]] = {
    "event_name": required_text,
    "event_time": instant_of,
}
_OPTIONAL: Final = tuple(
    (name, canvas_id if name.endswith("_id") and name not in _TEXT_IDS else text_of)
    for name in _Metadata._fields
    if name not in _REQUIRED
)
_FIELDS: Final[dict[str, Any]] = {
    **{name: (Annotated[Any, BeforeValidator(read)], ...) for name, read in _REQUIRED.items()},
    **{name: (Annotated[Any, BeforeValidator(read)], None) for name, read in _OPTIONAL},
}
_Explained: Final = create_model("_Explained", **_FIELDS)
"""The same readers as a model, which finds everything that is wrong."""


def _metadata(given: dict[str, Any]) -> _Metadata:
    """Read metadata; raise pydantic's ValidationError, which names all that is wrong."""
    try:
        required = [read(given[name]) for name, read in _REQUIRED.items()]
        optional = [
            None if (value := given.get(name)) is None else read(value) for name, read in _OPTIONAL
        ]
    except (ValueError, KeyError):
        _Explained.model_validate(given)
        raise
    return _Metadata._make([*required, *optional])


def _metadata_name(document: dict[str, Any]) -> str | None:
    for name in _METADATA_NAMES:
        if isinstance(document.get(name), dict):
            return name
    return None


def is_canvas_event(document: dict[str, Any]) -> bool:
    """Tell whether a JSON object has the parts of this format."""
    return _metadata_name(document) is not None


def read_canvas_event(document: dict[str, Any], now: int, name: str | None) -> LiveEvent:
    """Return the event; raise BadEvent.

    ``name`` is what the delivery said outside of the event (the SQS message attribute); it counts
    only if the metadata has no name of its own.
    """
    metadata_name = _metadata_name(document) or _METADATA_NAMES[0]
    body_name = "data" if "data" in document and "body" not in document else "body"
    given = dict(document[metadata_name])
    if name and not given.get("event_name"):
        given["event_name"] = name
    body = document.get(body_name)
    if body is None:
        body = {}
    if not isinstance(body, dict):
        raise BadEvent(f"{body_name} should be a JSON object")
    try:
        metadata = _metadata(given)
    except ValidationError as error:
        reason, detail = explain(error)
        kind = BadValue if reason == "value" else BadEvent
        raise kind(f"{metadata_name}: {detail}") from None
    require_timely(metadata.event_time, now)
    unknown = {n: item for n, item in given.items() if item is not None and n not in _NAMES}
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
