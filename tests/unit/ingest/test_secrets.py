"""A secret planted anywhere in any feed never leaves an agent."""

import asyncio
import copy
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from pipeline.app.agents.observing import ObservedAgent
from pipeline.codecs.course_audit import NotAuditPage, PageOrigin, read_audit_page
from pipeline.codecs.dead_letters import dead_letters
from pipeline.codecs.live_event_rows import RawEvent
from pipeline.domain import topics
from pipeline.domain.bad_record import BadRecord
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.live_batches import LiveBatches, LiveBatchOptions
from pipeline.ingest.live_event_files import ingest_live_events_files
from pipeline.ingest.options import FileAgentOptions
from pipeline.ingest.tools import AgentTools
from pipeline.ingest.web_log_files import ingest_web_logs_files
from pipeline.sink.tables.dead_letters import dead_letter
from tests.support.avro_schemas import project_schemas
from tests.support.canvas.dap_formats import exported
from tests.support.memory_publisher import MemoryPublisher
from tests.support.planted_secrets import (
    AUDIT,
    CALIPER,
    MARK,
    SECRET_MEMBERS,
    SECRET_TEXTS,
    places,
)
from tests.support.raw_files import NOW, event_at, row_at, write_lines

SCHEMAS = project_schemas()
TEXTS = st.sampled_from(SECRET_TEXTS)
MEMBERS = st.sampled_from(SECRET_MEMBERS)


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


def left_behind(agent: Any, payload: bytes, kind: str = "jsonl") -> tuple[MemoryPublisher, str]:
    """Return what an agent published of one line, and what it logged."""
    publisher = MemoryPublisher()
    with tempfile.TemporaryDirectory() as directory, structlog.testing.capture_logs() as logs:
        path = write_lines(Path(directory) / f"token={MARK}.{kind}", [payload])
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


@st.composite
def broken_record(draw: st.DrawFn) -> tuple[bytes, str]:
    """A table whose second record, with a secret in a field, has a field too many or too few."""
    kind = draw(st.sampled_from(["csv", "tsv"]))
    rows = [row_at(minute, referrer="x", user_agent="y") for minute in range(3)]
    fields = rows[1]["value"]
    place = draw(st.sampled_from(sorted(fields)))
    planted_json = MEMBERS.map(lambda member: json.dumps(dict([member])))
    if draw(st.booleans()):
        fields[place] = draw(TEXTS | planted_json)
    else:
        for row in rows:
            row["value"]["session_token"] = MARK if row is rows[1] else "x"
    tables = [exported([row], kind, packed=False).partition(b"\n") for row in rows]
    records = [record.removesuffix(b"\n") for _, _, record in tables]
    delimiter = b"," if kind == "csv" else b"\t"
    records[1] = draw(
        st.sampled_from(
            [
                records[1] + delimiter + b"z",
                b"z" + delimiter + records[1],
                records[1].replace(delimiter, b"", 1),
                records[1] + b"\xff",
            ]
        )
    )
    return b"\n".join([tables[0][0], *records]), kind


@settings(max_examples=60, deadline=None)
@given(broken_record())
def test_no_secret_of_a_broken_record_of_a_table_reaches_a_topic_or_a_log(
    table: tuple[bytes, str],
) -> None:
    content, kind = table
    publisher, said = left_behind(ingest_web_logs_files, content, kind)
    assert publisher.records("canvas.dead_letters.v1", SCHEMAS)
    assert not holds(publisher)
    assert MARK not in said


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


@settings(max_examples=60)
@given(st.lists(planted(EVENT) | planted(CALIPER), min_size=1, max_size=4))
def test_no_secret_of_a_delivered_event_reaches_a_topic_a_log_or_a_metric(
    payloads: list[bytes],
) -> None:
    """What HTTPS and SQS share: events delivered one by one, in transactions of several."""
    publisher, figures = MemoryPublisher(), AgentFigures()

    async def deliver() -> None:
        tools = AgentTools(
            publisher=publisher,
            cursors=publisher,
            schemas=SCHEMAS,
            clock=lambda: NOW,
            stopping=asyncio.Event(),
            figures=figures,
        )
        batches = LiveBatches(tools, "live-events-http", LiveBatchOptions(max_bad_share=1.0))
        running = asyncio.ensure_future(batches.run())
        for number, payload in enumerate(payloads):
            batches.offer(RawEvent(payload, f"post {number}"))
        batches.close()
        await running

    with structlog.testing.capture_logs() as logs:
        asyncio.run(deliver())
    assert MARK not in repr(logs)
    assert figures.rows["read"] >= len(payloads)
    observed = CollectorRegistry()
    observed.register(ObservedAgent("live-events-http", figures))
    assert MARK.encode() not in generate_latest(observed)
    assert not holds(publisher)


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
