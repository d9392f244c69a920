"""Sentences of docs/semantics.md on agents that no other test states."""

import json
from pathlib import Path

import pytest

from pipeline.domain.errors import TooManyBadRecords
from pipeline.domain.event_time import HOUR
from pipeline.ingest.live_event_files import ingest_live_events_files
from pipeline.ingest.options import FileAgentOptions
from pipeline.ingest.totals import IngestTotals
from pipeline.ingest.web_log_files import ingest_web_logs_files
from tests.support.avro_schemas import project_schemas
from tests.support.memory_publisher import MemoryPublisher
from tests.support.raw_files import NOW, delete, event_at, micros, row_at, write_lines

SCHEMAS = project_schemas()
AGENTS = {
    "canvas.web_logs.v1": (ingest_web_logs_files, row_at),
    "canvas.live_events.v1": (ingest_live_events_files, event_at),
}


async def ingest(
    topic: str, publisher: MemoryPublisher, path: Path, options: FileAgentOptions | None = None
) -> IngestTotals:
    agent, _ = AGENTS[topic]
    return await agent(
        [str(path)],
        publisher=publisher,
        cursors=publisher,
        schemas=SCHEMAS,
        options=options or FileAgentOptions(),
        clock=lambda: NOW,
    )


@pytest.mark.parametrize("topic", AGENTS)
async def test_rule_17_rows_carry_a_key_and_no_headers_and_marks_headers_alone(
    tmp_path: Path, topic: str
) -> None:
    publisher, made = MemoryPublisher(), AGENTS[topic][1]
    path = write_lines(tmp_path / "a.jsonl", [made(minute) for minute in range(0, 200, 5)])
    await ingest(topic, publisher, path)
    for log in publisher.topics[topic]:
        rows = [record for record in log if record.value is not None]
        marks = [record for record in log if record.value is None]
        assert marks
        assert all(record.key and not record.headers for record in rows)
        assert all(record.key is None and len(record.headers) == 1 for record in marks)


@pytest.mark.parametrize("topic", AGENTS)
async def test_rule_17_the_last_mark_is_an_hour_behind_the_largest_time_and_told(
    tmp_path: Path, topic: str
) -> None:
    publisher, made = MemoryPublisher(), AGENTS[topic][1]
    path = write_lines(tmp_path / "a.jsonl", [made(minute) for minute in (700, 3, 200)])
    totals = await ingest(topic, publisher, path)
    assert totals.mark == micros(700) - HOUR
    for log in publisher.topics[topic]:
        (_, said) = log[-1].headers[0]
        assert json.loads(said)["at"] == totals.mark


@pytest.mark.parametrize("topic", AGENTS)
async def test_rule_19_a_row_out_of_all_time_is_dead_and_moves_no_mark(
    tmp_path: Path, topic: str
) -> None:
    publisher, made = MemoryPublisher(), AGENTS[topic][1]
    strange = [made(-60 * 24 * 366 * 30), made(60 * 24 * 366 * 70)]
    path = write_lines(tmp_path / "a.jsonl", [strange[0], made(5), strange[1]])
    totals = await ingest(topic, publisher, path)
    assert (totals.published, totals.dead) == (1, 2)
    letters = publisher.records("canvas.dead_letters.v1", SCHEMAS)
    assert [letter["reason"] for letter in letters] == ["time", "time"]
    assert totals.mark == micros(5) - HOUR


async def test_rule_22_a_deletion_is_an_erasure_under_a_key_of_what_is_erased(
    tmp_path: Path,
) -> None:
    publisher, gone = MemoryPublisher(), delete()
    await ingest("canvas.web_logs.v1", publisher, write_lines(tmp_path / "a.jsonl", [gone]))
    (log,) = publisher.topics["canvas.erasures.v1"]
    (record,) = log
    assert record.key == f"request|{gone['key']['id']}".encode()
    assert not publisher.records("canvas.web_logs.v1", SCHEMAS)


@pytest.mark.parametrize(("bad", "stops"), [(99, False), (100, True)])
async def test_rule_26_a_hundred_bad_records_and_a_twentieth_stop_an_agent(
    tmp_path: Path, bad: int, *, stops: bool
) -> None:
    path = write_lines(tmp_path / "a.jsonl", [b"{"] * bad)
    publisher = MemoryPublisher()
    if not stops:
        assert (await ingest("canvas.web_logs.v1", publisher, path)).dead == bad
        return
    with pytest.raises(TooManyBadRecords, match=r"a.jsonl:1: json.*a.jsonl:2: .*a.jsonl:3: "):
        await ingest("canvas.web_logs.v1", publisher, path)
    assert publisher.calls == 0
    options = FileAgentOptions(max_bad_share=1.0)
    assert (await ingest("canvas.web_logs.v1", publisher, path, options)).dead == bad


@pytest.mark.parametrize(("good", "stops"), [(1_899, True), (1_900, False)])
async def test_rule_26_exactly_the_share_that_is_allowed_does_not_stop_an_agent(
    tmp_path: Path, good: int, *, stops: bool
) -> None:
    row = row_at(1)
    path = write_lines(tmp_path / "a.jsonl", [*[row] * good, *[b"{"] * 100])
    if stops:
        with pytest.raises(TooManyBadRecords):
            await ingest("canvas.web_logs.v1", MemoryPublisher(), path)
    else:
        totals = await ingest("canvas.web_logs.v1", MemoryPublisher(), path)
        assert totals.dead == 100
