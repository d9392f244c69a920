"""A secret planted anywhere in any feed never leaves an agent."""

import asyncio
import copy
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.course_audit import NotAuditPage, PageOrigin, read_audit_page
from pipeline.codecs.dead_letters import dead_letters
from pipeline.domain import topics
from pipeline.domain.bad_record import BadRecord
from pipeline.ingest.live_event_files import ingest_live_events_files
from pipeline.ingest.options import FileAgentOptions
from pipeline.ingest.web_log_files import ingest_web_logs_files
from pipeline.sink.tables.dead_letters import dead_letter
from tests.support.avro_schemas import project_schemas
from tests.support.memory_publisher import MemoryPublisher
from tests.support.raw_files import NOW, event_at, row_at, write_lines

SCHEMAS = project_schemas()
MARK = "S3cr3t"
TEXTS = st.sampled_from(
    [
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
)
MEMBERS = st.sampled_from(
    [
        ("Authorization", f"Basic {MARK}"),
        ("headers", {"Cookie": MARK, "X-Api-Key": MARK, "Accept": "x"}),
        ("headers", [{"name": "X-Api-Key", "value": MARK}, ["Cookie", MARK]]),
        ("client_secret", MARK),
        ("access_token", [MARK, {"a": MARK}]),
        ("url", {"url": {"url": f"/x?token={MARK}"}}),
        (f"https://h/?token={MARK}", 1),
    ]
)

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


@st.composite
def planted(draw: st.DrawFn, document: dict[str, Any]) -> bytes:
    """The document with a secret in one of its places, or a damaged one."""
    document = copy.deepcopy(document)
    kind = draw(st.integers(0, 2))
    holder, name = draw(st.sampled_from(list(places(document))))
    if kind == 0:
        holder[name] = draw(TEXTS)
    elif kind == 1:
        holder[name] = dict([draw(MEMBERS)])
    elif isinstance(holder, dict):
        holder.update([draw(MEMBERS)])
    else:
        holder.append(dict([draw(MEMBERS)]))
    text = json.dumps(document).encode()
    end = draw(st.sampled_from([len(text), len(text) - 1, text.find(MARK.encode()) + 9]))
    return text[:end]


def left_behind(agent: Any, payload: bytes) -> tuple[MemoryPublisher, str]:
    """Return what an agent published of one line, and what it logged."""
    publisher = MemoryPublisher()
    with tempfile.TemporaryDirectory() as directory, structlog.testing.capture_logs() as logs:
        path = write_lines(Path(directory) / f"token={MARK}.jsonl", [payload])
        totals = asyncio.run(
            agent(
                [str(path)],
                publisher=publisher,
                cursors=publisher,
                schemas=SCHEMAS,
                options=FileAgentOptions(max_bad_share=1.0, late_ok=True),
                clock=lambda: NOW,
            )
        )
    assert totals.balanced
    return publisher, repr((logs, totals))


def holds(publisher: MemoryPublisher) -> list[str]:
    return [
        topic
        for topic, partitions in publisher.topics.items()
        for log in partitions
        for record in log
        if MARK.encode() in (record.key or b"") + (record.value or b"")
    ]


@settings(max_examples=150, deadline=None)
@given(planted(row_at(1, referrer="x", extra={"a": {"b": ["c"]}})))
def test_no_secret_of_a_web_logs_row_reaches_a_topic_or_a_log(payload: bytes) -> None:
    publisher, said = left_behind(ingest_web_logs_files, payload)
    assert not holds(publisher)
    assert MARK not in said


EVENT = event_at(1, url="https://h/", referrer="https://h/", user_agent="x", user_id="5")
EVENT["body"] = {"url": "https://h/", "nested": [{"text": "x"}], "user": {"name": "n"}}


@settings(max_examples=150, deadline=None)
@given(planted(EVENT) | planted(CALIPER))
def test_no_secret_of_a_live_event_reaches_a_topic_or_a_log(payload: bytes) -> None:
    publisher, said = left_behind(ingest_live_events_files, payload)
    assert not holds(publisher)
    assert MARK not in said


@given(planted(AUDIT))
def test_no_secret_of_an_audit_page_is_in_its_rows_or_dead_letters(payload: bytes) -> None:
    try:
        page = read_audit_page(payload, PageOrigin("x", NOW))
    except NotAuditPage as error:
        refused = str(error)
        page = None
    if page is None:
        assert MARK not in refused
        return
    bad = [one.record for one in page.bad]
    letters = dead_letters(bad, source="s", feed="course_audit", happened_at=NOW)
    assert MARK not in repr(page.rows.to_dicts())
    assert MARK not in repr(letters.to_dicts())


@given(planted(EVENT))
def test_no_secret_of_a_record_that_the_sink_refuses_reaches_clickhouse(payload: bytes) -> None:
    bad = BadRecord("t/0/1", "value", "no", "ValueError", payload)
    assert MARK not in repr(dead_letter(topics.LIVE_EVENTS, 0, bad))


@pytest.mark.parametrize("name", ["Cookie", "x-api-key", "Private_Key"])
def test_headers_written_as_pairs_are_masked_where_nothing_can_be_parsed(name: str) -> None:
    payload = f'{{"headers":[{{"name":"{name}","value":"{MARK} {MARK}"}},'.encode()
    bad = BadRecord("t/0/1", "json", "no", "NotJson", payload)
    assert MARK not in repr(dead_letter(topics.LIVE_EVENTS, 0, bad))
