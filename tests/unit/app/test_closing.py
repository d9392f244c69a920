"""Closing the data: marks for the stages, and for the agents (semantics rules 17 and 18)."""

from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.app.closing import publish_closing
from pipeline.codecs.marks import Mark
from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import EventTimeRules
from pipeline.ingest.cursors import load_cursors
from pipeline.ingest.dap.cursor import AGENT, SUBJECT, DapCursor
from pipeline.ingest.web_log_files import ingest_web_logs_files
from tests.support.avro_schemas import project_schemas
from tests.support.canvas.dap_run import DapRun
from tests.support.canvas.dap_server import DapServer
from tests.support.memory_publisher import MemoryPublisher
from tests.support.raw_files import NOW, micros, row_at, write_lines

SCHEMAS = project_schemas()
TOPICS = {"web_logs": "canvas.web_logs.v1", "live_events": "canvas.live_events.v1"}


async def ingest(publisher: MemoryPublisher, path: Path) -> None:
    await ingest_web_logs_files(
        [str(path)], publisher=publisher, cursors=publisher, schemas=SCHEMAS, clock=lambda: NOW
    )


async def close(publisher: MemoryPublisher, at: int) -> None:
    await publish_closing(
        at,
        ("web_logs", "live_events"),
        publisher=publisher,
        cursors=publisher,
        schemas=SCHEMAS,
        clock=lambda: NOW,
    )


async def test_rule_18_closing_marks_every_partition_of_every_feed(tmp_path: Path) -> None:
    publisher = MemoryPublisher(partitions=3)
    await ingest(publisher, write_lines(tmp_path / "a.jsonl", [row_at(60)]))
    closing = EventTimeRules().closing(micros(60))
    await close(publisher, closing)
    for feed, topic in TOPICS.items():
        for partition in publisher.in_order(topic, SCHEMAS):
            assert partition[-1] == Mark(feed, closing)  # type: ignore[arg-type]


async def test_rule_17_a_file_behind_the_closing_is_refused_and_one_beyond_it_is_not(
    tmp_path: Path,
) -> None:
    publisher = MemoryPublisher()
    await ingest(publisher, write_lines(tmp_path / "a.jsonl", [row_at(60)]))
    closing = EventTimeRules().closing(micros(60))
    await close(publisher, closing)
    with pytest.raises(OurMistake, match=r"b\.jsonl ends at 2026-02-15T01:01:00Z"):
        await ingest(publisher, write_lines(tmp_path / "b.jsonl", [row_at(61)]))
    await ingest(publisher, write_lines(tmp_path / "c.jsonl", [row_at(0), row_at(600)]))
    marks = [m for m in publisher.in_order(TOPICS["web_logs"], SCHEMAS)[0] if isinstance(m, Mark)]
    assert [mark.at for mark in marks] == sorted({mark.at for mark in marks})
    assert marks[-1].at == micros(540) > closing


async def test_closing_again_further_back_takes_nothing_back(tmp_path: Path) -> None:
    publisher = MemoryPublisher()
    await close(publisher, micros(600))
    await close(publisher, micros(60))
    with pytest.raises(OurMistake, match="the watermark already stands at 2026-02-15T10:00:00Z"):
        await ingest(publisher, write_lines(tmp_path / "a.jsonl", [row_at(599)]))


async def test_rule_17_after_closing_the_marks_of_dap_do_not_go_back() -> None:
    """Windows on both sides of the mark: what is behind it brings rows and no mark."""
    async with DapServer() as server:
        run = DapRun(server, publisher=MemoryPublisher(partitions=2))
        server.commit([row_at(minute) for minute in (0, 30, 90)])
        await run.start()
        closing = EventTimeRules().closing(micros(480))
        await close(run.publisher, closing)
        for _ in range(4):
            server.now += timedelta(hours=4)
            server.commit([row_at(0)])
            await run.start()
    book = await load_cursors(run.publisher, SCHEMAS, AGENT, DapCursor)
    assert book.files[SUBJECT].windows == 5
    assert book.mark is not None
    assert book.mark > closing
    for partition in run.publisher.in_order(TOPICS["web_logs"], SCHEMAS):
        marks = [each.at for each in partition if isinstance(each, Mark)]
        assert marks == sorted(set(marks))
        assert closing in marks
        assert marks[-1] == book.mark
