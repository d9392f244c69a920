"""Secrets as they stand in feeds, and every place of a document where one may stand."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

MARK = "S3cr3t"
SECRET_TEXTS = [
    f"https://h/x?access_token={MARK}&y=1",
    f"/courses/1?session_token%3D{MARK}",
    f"/login?redirect=%2Fx%3Fverifier%3D{MARK}%26a=1",
    f"/feeds/calendars/user_{MARK}.ics",
    f"https://h/feeds/calendars/course_{MARK}.atom?x=1",
    f"/x?a=1&amp;JWT={MARK}",
    f"/users?as_user_id=sis_login_id:{MARK}",
    f"/idp/SSO?execution={MARK}",
    f"Bearer {MARK}{MARK}",
    f"Authorization: {MARK} {MARK}\r\nAccept: x",
    f"Set-Cookie: _normandy_session={MARK}; path=/",
    f"see <a href='https://h/f?verifier={MARK}'>it</a>",
    f"7~{MARK}{MARK}{MARK}",
    f"eyJhbGciOiJub25lIn0.{MARK}.{MARK}",
]
SECRET_MEMBERS: list[tuple[str, Any]] = [
    ("Authorization", f"Basic {MARK}"),
    ("headers", {"Cookie": MARK, "X-Api-Key": MARK, "Accept": "x"}),
    ("headers", [{"name": "X-Api-Key", "value": MARK}, ["Cookie", MARK]]),
    ("client_secret", MARK),
    ("access_token", [MARK, {"a": MARK}]),
    ("url", {"url": {"url": f"/x?token={MARK}"}}),
    (f"https://h/?token={MARK}", 1),
]

CALIPER: dict[str, Any] = {
    "sensor": "https://h/",
    "sendTime": "2026-02-15T04:31:08.000Z",
    "dataVersion": "http://purl.imsglobal.org/ctx/caliper/v1p1",
    "data": [
        {
            "id": "urn:uuid:1145bf32-0ada-462d-9c97-7acd5b513472",
            "type": "NavigationEvent",
            "action": "NavigatedTo",
            "eventTime": "2026-02-15T04:31:07.218Z",
            "actor": {"id": "urn:instructure:canvas:user:21070000000000001", "type": "Person"},
            "object": {"id": "urn:instructure:canvas:course:565", "type": "Entity", "name": "x"},
            "referrer": "https://h/courses/1",
            "session": {"id": "urn:instructure:canvas:session:ef686f8ed684abf78cbfa1f6a58112b5"},
            "extensions": {"com.instructure.canvas": {"request_url": "https://h/", "job_id": "1"}},
        }
    ],
}
AUDIT: dict[str, Any] = {
    "events": [
        {
            "id": "e2b76430-27a5-0131-3ca1-48e0eb13f29b",
            "created_at": "2026-02-15T08:12:44-07:00",
            "event_type": "updated",
            "event_source": "manual",
            "event_data": {"name": ["Course 1", "Course 2"], "syllabus_body": ["a", "b"]},
            "links": {"course": 565, "page_view": None, "user": 12, "sis_batch": None},
        }
    ],
    "linked": {"page_views": [], "courses": [], "users": []},
}


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every place of a JSON value: what holds it, and its name or number there."""
    if isinstance(value, dict | list):
        for name, item in list(value.items() if isinstance(value, dict) else enumerate(value)):
            yield value, name
            yield from places(item)


def every_planted(make: Callable[[int], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give documents, each new, with each secret text in each of their places."""
    numbers = itertools.count()
    for place in range(len(list(places(make(0))))):
        for text in SECRET_TEXTS:
            document = make(next(numbers))
            holder, name = list(places(document))[place]
            holder[name] = text
            yield document
