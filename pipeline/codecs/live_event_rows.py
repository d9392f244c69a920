"""Raw Live Events, in whatever format → columns of live_event.avsc, bad records.

One JSON value may hold several events: an array of events, or a Caliper envelope. About 40 µs an
event, per event: they come by the thousand per second, not by the million.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import polars as pl

from pipeline.codecs.json_text import NotJson, canonical_json, read_json
from pipeline.codecs.live_event import BadEvent, LiveEvent
from pipeline.codecs.live_events_caliper import (
    is_caliper_envelope,
    is_caliper_event,
    read_caliper_event,
)
from pipeline.codecs.live_events_canvas import is_canvas_event, read_canvas_event
from pipeline.codecs.record_limit import DEFAULT_LIMIT, fit
from pipeline.codecs.redaction import redact_columns
from pipeline.domain.bad_record import BadRecord

_IDS: Final = frozenset(
    {
        "event_time",
        "user_id",
        "real_user_id",
        "user_account_id",
        "root_account_id",
        "context_id",
        "context_account_id",
        "course_id",
        "developer_key_id",
        "sent_at",
    }
)
SCHEMA: Final[dict[str, pl.DataType]] = {
    name: pl.Int64() if name in _IDS else pl.String() for name in LiveEvent._fields
}
_FREE_TEXTS: Final = (
    "event_name",
    "request_id",
    "job_id",
    "job_tag",
    "user_login",
    "user_sis_id",
    "root_account_uuid",
    "hostname",
    "client_ip",
    "http_method",
    "url",
    "referrer",
    "user_agent",
    "context_type",
    "context_role",
)
_JSON_TEXTS: Final = ("body", "extra")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,99}")
_LOCATED_NAME: Final = re.compile(rf"#({_NAME.pattern})(?:\[[0-9]+\])?$")
"""Values of a file are numbered behind the same sign: a name begins with a letter."""


class RawEvent(NamedTuple):
    """Bytes of one JSON value, where they were read, and the event name the delivery gave."""

    payload: bytes
    location: str
    name: str | None = None


def location_with_name(location: str, name: str | None) -> str:
    """Return a location that says the event's name too, for a dead letter to be read again with.

    A name that is no word is left out.
    """
    return f"{location}#{name}" if name and _NAME.fullmatch(name) else location


def name_given_at(location: str) -> str | None:
    """Return the name that ``location_with_name`` put there, for an item of an array too."""
    found = _LOCATED_NAME.search(location)
    return found[1] if found else None


def read_live_events(
    raws: Iterable[RawEvent], now: int, record_limit: int = DEFAULT_LIMIT
) -> tuple[pl.DataFrame, list[tuple[int, BadRecord]]]:
    """Return all events as a frame of ``SCHEMA`` and ``truncated``, in order, and the bad ones.

    With each bad one comes its position among all events, good or bad.
    """
    events: list[LiveEvent] = []
    bad: list[tuple[int, BadRecord]] = []
    for raw in raws:
        for event in _read(raw, now):
            if isinstance(event, BadRecord):
                bad.append((len(events) + len(bad), event))
            else:
                events.append(event)
    return _columns(events, record_limit), bad


def live_event_key() -> pl.Expr:
    """Return the partition key of an event (semantics rule 4)."""
    return pl.coalesce(
        pl.col("session_id"),
        pl.coalesce("real_user_id", "user_id").cast(pl.String),
        pl.col("client_ip"),
        pl.col("event_key"),
    )


def _read(raw: RawEvent, now: int) -> Iterator[LiveEvent | BadRecord]:
    """Give what one raw value holds; an empty array holds nothing."""
    try:
        document = read_json(raw.payload)
    except NotJson as error:
        yield BadRecord(raw.location, "json", str(error), "NotJson", raw.payload)
        return
    if isinstance(document, list):
        for position, item in enumerate(document):
            location = f"{raw.location}[{position}]"
            yield from _read_document(item, RawEvent(_again(item), location, raw.name), now)
    else:
        yield from _read_document(document, raw, now)


def _read_document(document: Any, raw: RawEvent, now: int) -> Iterator[LiveEvent | BadRecord]:
    if not isinstance(document, dict):
        yield _bad(raw, BadEvent("an event should be a JSON object"))
    elif is_caliper_envelope(document):
        for event in document["data"]:
            yield _attempt(raw, event, document, now)
    elif is_canvas_event(document) or is_caliper_event(document):
        yield _attempt(raw, document, {}, now)
    else:
        yield _bad(raw, BadEvent("it has neither metadata and body nor Caliper data"))


def _attempt(
    raw: RawEvent, event: Any, envelope: dict[str, Any], now: int
) -> LiveEvent | BadRecord:
    try:
        if not envelope and is_canvas_event(event):
            return read_canvas_event(event, now, raw.name)
        return read_caliper_event(event, envelope, now, raw.name)
    except NotJson as error:
        return BadRecord(raw.location, "value", str(error), "NotJson", raw.payload)
    except BadEvent as error:
        return _bad(raw, error)


def _columns(events: Sequence[LiveEvent], record_limit: int) -> pl.DataFrame:
    """Return events as columns without secrets, within the record limit."""
    columns = list(zip(*events, strict=True)) if events else [()] * len(SCHEMA)
    frame = pl.DataFrame(
        [
            pl.Series(name, values, dtype=dtype)
            for (name, dtype), values in zip(SCHEMA.items(), columns, strict=True)
        ]
    )
    frame = redact_columns(frame, _FREE_TEXTS, _JSON_TEXTS)
    return fit(frame, _FREE_TEXTS, _JSON_TEXTS, record_limit)


def _bad(raw: RawEvent, error: BadEvent) -> BadRecord:
    return BadRecord(raw.location, error.reason, str(error), type(error).__name__, raw.payload)


def _again(item: Any) -> bytes:
    try:
        return canonical_json(item).encode()
    except NotJson:
        return b""
