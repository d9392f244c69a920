"""Pages of the Course Audit log → columns of course_audit.avsc, bad records.

A page is a compound document: ``events`` with links, and ``linked`` page views, courses and users,
in no order and not complete. Ids come as numbers, or as texts under the media type
``application/json+canvas-string-ids``; both are taken. The session is that of the page view, where
Canvas sends one along: an event has none of its own.
https://developerdocs.instructure.com/services/canvas/resources/course_audit_log
"""

import hashlib
import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Any, Final, NamedTuple

import polars as pl
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from pipeline.codecs.canonical import canvas_id, hex_128, local_id
from pipeline.codecs.json_text import NotJson, canonical_json, read_json
from pipeline.codecs.live_event import (
    BadEvent,
    BadValue,
    in_local_form,
    member,
    person,
    request_id,
    require_timely,
)
from pipeline.codecs.raw_values import (
    instant_of,
    instant_or_none,
    required_text,
    text_of,
    uuid_of,
)
from pipeline.codecs.record_limit import DEFAULT_LIMIT, fit
from pipeline.codecs.redaction import redact_columns
from pipeline.codecs.validation import explain
from pipeline.domain.bad_record import BadRecord, Reason
from pipeline.domain.event_time import EARLIEST

RELATED: Final = ("copied_from", "copied_to", "reset_from", "reset_to")
"""Links to the other course of a copy or reset; an event has at most one."""

_NO_REQUEST: Final = "MISSING"
"""What Canvas stores for an event that no request caused."""

_NUMBERS: Final = frozenset(
    {"created_at", "course_id", "related_course_id", "user_id", "sis_batch_id"}
)
_FREE_TEXTS: Final = ("event_type", "event_source", "page_view_id")
_JSON_TEXTS: Final = ("event_data", "extra")


class AuditEvent(NamedTuple):
    """Columns of course_audit.avsc that come from the event, secrets still in them."""

    id: str
    created_at: int
    event_type: str
    event_source: str | None
    event_data: str
    course_id: int
    related_course_id: int | None
    related_course_link: str | None
    user_id: int | None
    sis_batch_id: int | None
    page_view_id: str | None
    session_id: str | None
    extra: str | None


SCHEMA: Final[dict[str, pl.DataType]] = {
    name: pl.Int64() if name in _NUMBERS else pl.String() for name in AuditEvent._fields
}


class PageOrigin(NamedTuple):
    """Where a page comes from, and what it is judged by.

    ``now`` decides which events are dated in the future (semantics rule 19); ``home_shard`` makes
    global ids of that shard local (rule 2).
    """

    name: str
    now: int
    home_shard: int | None = None
    record_limit: int = DEFAULT_LIMIT


class BadAuditEvent(NamedTuple):
    """A bad event of a page: its position, and by what it is known again on another page.

    ``identity`` has 32 hex digits; ``at`` is its time, if it has one.
    """

    position: int
    identity: str
    at: int | None
    record: BadRecord


class AuditPage(NamedTuple):
    """What a page held: read = rows + bad.

    ``rows`` has the columns ``SCHEMA`` and ``truncated`` in the order of the page. ``oldest`` is
    the time of the last event, bad or not, if the page goes back in time as it should.
    """

    rows: pl.DataFrame
    bad: list[BadAuditEvent]
    oldest: int | None

    @property
    def read(self) -> int:
        """Return how many events the page has."""
        return self.rows.height + len(self.bad)


class NotAuditPage(ValueError):
    """An answer that is no page of events; the message quotes none of it."""


def read_audit_page(payload: bytes, origin: PageOrigin) -> AuditPage:
    """Read a page; raise NotAuditPage."""
    try:
        document = read_json(payload)
    except NotJson as error:
        raise NotAuditPage(f"the answer is no JSON: {error}") from None
    listed = member(document, "events")
    if not isinstance(listed, list):
        raise NotAuditPage("the answer has no list of events")
    views = _page_views(document)
    events: list[AuditEvent] = []
    bad: list[BadAuditEvent] = []
    times: list[int] = []
    for position, item in enumerate(listed):
        instant = instant_or_none(member(item, "created_at"))
        if instant is not None and instant >= EARLIEST:
            times.append(instant)
        try:
            events.append(_event(item, views, origin))
        except NotJson as error:
            record = _bad_record(item, views, origin, "value", error)
            bad.append(BadAuditEvent(position, _identity(item), instant, record))
        except BadEvent as error:
            record = _bad_record(item, views, origin, error.reason, error)
            bad.append(BadAuditEvent(position, _identity(item), instant, record))
    descends = bool(times) and all(later >= earlier for later, earlier in pairwise(times))
    oldest = times[-1] if descends else None
    return AuditPage(_columns(events, origin.record_limit), bad, oldest)


def with_audit_agent_columns(
    rows: pl.DataFrame,
    *,
    source: str,
    account_id: int | None,
    root_account_id: int | None,
    ingested_at: int,
) -> pl.DataFrame:
    """Add what the agent knows; the result has every column of course_audit.avsc."""
    return rows.with_columns(
        pl.lit(account_id, dtype=pl.Int64).alias("account_id"),
        pl.lit(root_account_id, dtype=pl.Int64).alias("root_account_id"),
        pl.lit(ingested_at, dtype=pl.Int64).alias("ingested_at"),
        pl.lit(source, dtype=pl.String).alias("source"),
    )


def course_audit_key() -> pl.Expr:
    """Return the record key of an event: its course."""
    return pl.col("course_id").cast(pl.String)


def _course(value: Any) -> int:
    number = canvas_id(value)
    if number is None:
        raise ValueError("is blank")
    return number


def _changes(value: Any) -> dict[str, Any]:
    """Return the changed fields; the documentation has them as a text, the code as an object."""
    if isinstance(value, str) and value.strip():
        try:
            value = read_json(value.encode())
        except NotJson as error:
            raise ValueError(f"is no JSON: {error}") from None
    if value is None or value == "":
        return {}
    if not isinstance(value, dict):
        raise ValueError("should be a JSON object")  # noqa: TRY004 - pydantic takes ValueError
    return value


_Text = Annotated[str | None, BeforeValidator(text_of)]
_Id = Annotated[int | None, BeforeValidator(canvas_id)]


class _Links(BaseModel):
    model_config = ConfigDict(extra="allow")

    course: Annotated[int, BeforeValidator(_course)]
    user: _Id = None
    page_view: _Text = None
    sis_batch: _Id = None
    copied_from: _Id = None
    copied_to: _Id = None
    reset_from: _Id = None
    reset_to: _Id = None


class _Event(BaseModel):
    model_config = ConfigDict(extra="allow")

    id: Annotated[str, BeforeValidator(uuid_of)]
    created_at: Annotated[int, BeforeValidator(instant_of)]
    event_type: Annotated[str, BeforeValidator(required_text)]
    event_source: _Text = None
    event_data: Annotated[dict[str, Any], BeforeValidator(_changes)] = {}
    links: _Links


def _page_views(document: Any) -> dict[str, dict[str, Any]]:
    """Return the side-loaded page views by request id; what is none is passed over."""
    listed = member(document, "linked", "page_views")
    found = {}
    for view in listed if isinstance(listed, list) else ():
        name = member(view, "id")
        request = request_id(name) if isinstance(name, str) else None
        if request is not None:
            found[request] = view
    return found


def _event(item: Any, views: dict[str, dict[str, Any]], origin: PageOrigin) -> AuditEvent:
    if not isinstance(item, dict):
        raise BadEvent("an event should be a JSON object")
    try:
        event = _Event.model_validate(item)
    except ValidationError as error:
        reason, detail = explain(error)
        raise (BadValue if reason == "value" else BadEvent)(detail) from None
    require_timely(event.created_at, origin.now)
    links, shard = event.links, origin.home_shard
    view = None if links.page_view == _NO_REQUEST else request_id(links.page_view)
    session = member(views.get(view or ""), "session_id")
    link = next((name for name in RELATED if getattr(links, name) is not None), None)
    extra = dict(event.model_extra or {})
    extra |= {f"links.{name}": value for name, value in (links.model_extra or {}).items()}
    extra = {name: value for name, value in extra.items() if value is not None}
    return AuditEvent(
        id=event.id,
        created_at=event.created_at,
        event_type=event.event_type,
        event_source=event.event_source,
        event_data=canonical_json(event.event_data),
        course_id=local_id(links.course, shard),
        related_course_id=in_local_form(getattr(links, link), shard) if link else None,
        related_course_link=link,
        user_id=person(links.user, shard),
        sis_batch_id=in_local_form(links.sis_batch, shard),
        page_view_id=view,
        session_id=hex_128(session) if isinstance(session, str) else None,
        extra=canonical_json(extra) if extra else None,
    )


def _columns(events: Sequence[AuditEvent], record_limit: int) -> pl.DataFrame:
    """Return events as columns without secrets, within the record limit."""
    if not events:  # as for nearly all courses of a list: 3 ms less
        return _NO_ROWS
    columns = zip(*events, strict=True)
    frame = pl.DataFrame(
        [
            pl.Series(name, values, dtype=dtype)
            for (name, dtype), values in zip(SCHEMA.items(), columns, strict=True)
        ]
    )
    frame = redact_columns(frame, _FREE_TEXTS, _JSON_TEXTS)
    return fit(frame, _FREE_TEXTS, _JSON_TEXTS, record_limit)


_NO_ROWS: Final = pl.DataFrame(schema={**SCHEMA, "truncated": pl.Boolean()})


def _identity(item: Any) -> str:
    return hashlib.blake2b(_dumped(item), digest_size=16).hexdigest()


def _bad_record(
    item: Any, views: dict[str, Any], origin: PageOrigin, reason: Reason, error: ValueError
) -> BadRecord:
    """Return what is left of a bad event: a page of its own, which can be read again."""
    name = member(item, "links", "page_view")
    view = views.get(request_id(name) or "") if isinstance(name, str) else None
    page = {"events": [item], "linked": {"page_views": [view] if view else []}}
    location = f"{origin.name}#{_identity(item)}"
    return BadRecord(location, reason, str(error), type(error).__name__, _dumped(page))


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
