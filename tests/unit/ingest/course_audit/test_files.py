"""The agent for saved pages of the Course Audit log: once, in order, with marks."""

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.codecs.marks import Mark
from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import HOUR, MICROS
from pipeline.domain.topics import COURSE_AUDIT, DEAD_LETTERS
from pipeline.ingest.course_audit_files import ingest_course_audit_files
from pipeline.ingest.options import FileAgentOptions
from pipeline.ingest.totals import IngestTotals
from tests.support.avro_schemas import project_schemas
from tests.support.memory_publisher import MemoryPublisher
from tests.support.raw_files import NOW

SCHEMAS = project_schemas()
START = 1_760_000_400 * MICROS


def event(number: int, at: int, **more: Any) -> dict[str, Any]:
    """Return an event as the API answers it."""
    return {
        "id": str(uuid.UUID(int=number)),
        "created_at": datetime.fromtimestamp(at / MICROS, UTC).isoformat(),
        "event_type": "updated",
        "event_source": "manual",
        "event_data": {"is_public": [False, True]},
        "links": {"course": 5, "user": 9, "page_view": None, "sis_batch": None},
        **more,
    }


def page(*events: dict[str, Any]) -> str:
    return json.dumps({"links": {}, "events": events, "linked": {"page_views": []}})


async def ingest(publisher: MemoryPublisher, *paths: Path) -> IngestTotals:
    totals = await ingest_course_audit_files(
        [str(path) for path in paths],
        publisher=publisher,
        cursors=publisher,
        schemas=SCHEMAS,
        options=FileAgentOptions(root_account_id=1),
        clock=lambda: NOW,
    )
    assert totals.balanced
    return totals


async def test_pages_newest_first_become_events_in_the_order_of_time_with_marks(
    tmp_path: Path,
) -> None:
    times = [START + number * HOUR // 2 for number in range(6)]
    newest_first = [event(number, at) for number, at in reversed(list(enumerate(times)))]
    path = tmp_path / "pages.jsonl"
    path.write_text(f"{page(*newest_first[:4])}\n{page(*newest_first[4:])}\n")
    publisher = MemoryPublisher()
    totals = await ingest(publisher, path)
    assert (totals.read, totals.published) == (6, 6)
    records = publisher.records(COURSE_AUDIT.name, SCHEMAS)
    assert sorted(record["created_at"] for record in records) == times
    assert {record["root_account_id"] for record in records} == {1}
    for log in publisher.in_order(COURSE_AUDIT.name, SCHEMAS):
        reached = 0
        for item in log:
            if isinstance(item, Mark):
                assert item.feed == "course_audit"
                reached = item.at
            else:
                assert item["created_at"] >= reached
        assert reached == times[-1] - HOUR


async def test_a_page_over_several_lines_is_read_and_no_content_is_published_twice(
    tmp_path: Path,
) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    one.write_text(json.dumps(json.loads(page(event(1, START))), indent=2))
    other.write_text(one.read_text())
    publisher = MemoryPublisher()
    assert (await ingest(publisher, one, other)).published == 1
    assert (await ingest(publisher, one)).published == 0


async def test_what_is_no_page_and_what_is_no_event_are_dead_letters(tmp_path: Path) -> None:
    path = tmp_path / "pages.jsonl"
    path.write_text(
        "\n".join(['{"errors": []}', page(event(1, START), {"id": "x"}), "{", page()]) + "\n"
    )
    publisher = MemoryPublisher()
    totals = await ingest(publisher, path)
    assert (totals.published, totals.dead) == (1, 3)
    letters = publisher.records(DEAD_LETTERS.name, SCHEMAS)
    assert {letter["feed"] for letter in letters} == {"course_audit"}
    assert all(letter["source"].startswith("course-audit-files") for letter in letters)


async def test_a_table_is_no_file_of_pages(tmp_path: Path) -> None:
    path = tmp_path / "pages.csv"
    path.write_text("id,created_at\n")
    with pytest.raises(OurMistake):
        await ingest(MemoryPublisher(), path)
