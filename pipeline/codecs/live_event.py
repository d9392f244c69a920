"""One Live Event in our shape, and what both formats share on the way there."""

import hashlib
import json
from typing import Any, Final, NamedTuple

from pipeline.codecs.canonical import SHARD, dashed, hex_128, local_id
from pipeline.domain.bad_record import Reason
from pipeline.domain.event_time import EARLIEST, FUTURE_TOLERANCE


class LiveEvent(NamedTuple):
    """Columns of live_event.avsc that come from the event, secrets still in them.

    ``pipeline.codecs.live_event_rows`` makes columns of them, where secrets are removed.
    """

    event_key: str
    event_name: str
    event_time: int
    format: str
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
    course_id: int | None
    developer_key_id: int | None
    body: str
    sent_at: int | None
    extra: str | None


class BadEvent(ValueError):
    """An event nobody can understand; the message quotes none of its values."""

    reason: Reason = "shape"


COURSE: Final = "Course"
_HEAD: Final = json.JSONEncoder()


def event_key(name: str, instant: int, cause: str | None, canonical_body: str) -> str:
    """Return the identity of an event without one (semantics rule 5): 32 hex digits.

    BLAKE2b-128 over the JSON of ``[name, instant, cause]`` and the body as JSON with sorted keys,
    as received, secrets included: what masks them must not change what is a duplicate.
    """
    # A list would be encoded by a general encoder, made for every call.
    head = f"[{_HEAD.encode(name)},{instant},{'null' if cause is None else _HEAD.encode(cause)}]"
    return hashlib.blake2b(f"{head}\n{canonical_body}".encode(), digest_size=16).hexdigest()


def home_shard(root_account_id: int | None) -> int | None:
    """Return the shard of an event's own root account (semantics rule 2)."""
    if root_account_id is None or root_account_id < SHARD:
        return None
    return root_account_id // SHARD


def in_local_form(number: int | None, shard: int | None) -> int | None:
    """Return an id in the local form of its home shard."""
    return None if number is None else local_id(number, shard)


def person(number: int | None, shard: int | None) -> int | None:
    """Return a user's id in the local form; None for user 0, whom Canvas could not identify."""
    if number is None or number % SHARD == 0:
        return None
    return local_id(number, shard)


def request_id(text: str | None) -> str | None:
    """Return a request id as web_logs writes it, any other text as it is."""
    if text is None:
        return None
    digits = hex_128(text)
    return dashed(digits) if digits else text


def require_timely(instant: int, now: int) -> None:
    """Raise Untimely for an event time outside the limits of semantics rule 19."""
    if instant < EARLIEST:
        raise Untimely("the event is dated before 2000-01-01")
    if instant > now + FUTURE_TOLERANCE:
        raise Untimely(f"the event is dated {(instant - now) // 1_000_000} s after it was read")


class BadValue(BadEvent):
    """An event with a value that its field cannot have."""

    reason = "value"


class Untimely(BadEvent):
    """An event whose time cannot be right."""

    reason = "time"


def member(document: Any, *names: str) -> Any:
    """Return what nested objects hold under these names, None where something is missing."""
    for name in names:
        if not isinstance(document, dict):
            return None
        document = document.get(name)
    return document
