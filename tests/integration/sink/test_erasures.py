"""What is erased is in no view and, soon, on no disk; it stays erased, whatever comes later."""

from typing import Any

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.domain import topics
from pipeline.sink.queries import count_tables, query
from pipeline.sink.sink import ClickHouseSink
from pipeline.sink.tables.anomalies import ANOMALIES
from pipeline.sink.tables.course_audit import COURSE_AUDIT
from pipeline.sink.tables.late_rows import LATE_ROWS
from pipeline.sink.tables.live_events import LIVE_EVENTS
from pipeline.sink.tables.request_stats import REQUEST_STATS
from pipeline.sink.tables.sessions import SESSIONS
from pipeline.sink.tables.table import Table
from pipeline.sink.tables.web_logs import WEB_LOGS
from pipeline.sink.writer import ClickHouseWriter
from tests.support.avro_schemas import project_schemas
from tests.support.frame_chunk import FrameChunk
from tests.support.sink_rows import row
from tests.support.sink_tables import fill

pytestmark = pytest.mark.stack

REQUEST = "8b6a2f4e-0000-4000-8000-00000000000a"
PERSON = 4711
NOBODY: dict[str, Any] = {"user_id": None, "real_user_id": None}

OF_REQUEST: list[tuple[Table, dict[str, Any]]] = [
    (WEB_LOGS, {"id": REQUEST} | NOBODY),
    (LIVE_EVENTS, {"request_id": REQUEST} | NOBODY),
    (COURSE_AUDIT, {"page_view_id": REQUEST, "user_id": None}),
    (LATE_ROWS, {"event_key": REQUEST}),
    (LATE_ROWS, {"event_key": REQUEST.replace("-", "")}),
]
OF_PERSON: list[tuple[Table, dict[str, Any]]] = [
    (WEB_LOGS, NOBODY | {"user_id": PERSON}),
    (WEB_LOGS, NOBODY | {"real_user_id": PERSON}),
    (LIVE_EVENTS, NOBODY | {"user_id": PERSON}),
    (LIVE_EVENTS, NOBODY | {"real_user_id": PERSON}),
    (COURSE_AUDIT, {"user_id": PERSON}),
    (SESSIONS, {"actor": PERSON}),
    (SESSIONS, {"actor": None, "users": [1, PERSON]}),
    (SESSIONS, {"actor": None, "masquerade_targets": [PERSON]}),
    (REQUEST_STATS, {"dimension": "masquerader", "key": str(PERSON)}),
    (REQUEST_STATS, {"dimension": "masquerader", "members": ["x", str(PERSON)]}),
    (REQUEST_STATS, {"dimension": "grader", "key": str(PERSON)}),
    (REQUEST_STATS, {"dimension": "token_course", "key": f"9#{PERSON}"}),
    (REQUEST_STATS, {"dimension": "login_ip", "key": "10.0.0.1", "members": [str(PERSON)]}),
    (ANOMALIES, {"dimension": "course_change", "key": f"deleted#{PERSON}"}),
    (ANOMALIES, {"dimension": "masquerader", "key": str(PERSON)}),
    (ANOMALIES, {"dimension": "masquerader", "contributing_keys": [str(PERSON)]}),
]
OF_OTHERS: list[tuple[Table, dict[str, Any]]] = [
    (WEB_LOGS, {"user_id": 5, "real_user_id": None}),
    (LIVE_EVENTS, NOBODY | {"request_id": None}),
    (COURSE_AUDIT, {"user_id": None, "page_view_id": None}),
    (LATE_ROWS, {"event_key": "not an id"}),
    (SESSIONS, {"actor": None, "users": [], "masquerade_targets": []}),
    (REQUEST_STATS, {"dimension": "host", "key": str(PERSON)}),
    (REQUEST_STATS, {"dimension": "graded_course", "key": str(PERSON), "members": ["5"]}),
    (REQUEST_STATS, {"dimension": "token_course", "key": f"{PERSON}#5", "members": [str(PERSON)]}),
    (ANOMALIES, {"dimension": "host", "key": str(PERSON)}),
]


def erasure(kind: str, subject: str) -> FrameChunk:
    rows = {7: row("erasure", 7, kind=kind, subject=subject)}
    return FrameChunk(topics.ERASURES.name, 0, rows, span=(7, 8))


async def erase(writer: ClickHouseWriter, kind: str, subject: str) -> None:
    async def nobody(_positions: object) -> None:
        pass

    sink = ClickHouseSink(writer, project_schemas(), nobody)
    await sink.add(erasure(kind, subject))
    await sink.stop()


async def fill_all(
    writer: ClickHouseWriter, rows: list[tuple[Table, dict[str, Any]]], first: int = 1
) -> None:
    for number, (table, values) in enumerate(rows, first):
        await fill(writer, table, [row(table.topic.schema, number, **values)])


def counts(client: Client, *, stored: bool) -> dict[str, int]:
    if not stored:
        return {name: count for name, count in count_tables(client).items() if name != "erasures"}
    names = [f"{name}_store" for name in counts(client, stored=False)]
    return {name: query(client, f"SELECT count() FROM {name}").rows[0][0] for name in names}  # noqa: S608


@pytest.mark.parametrize(
    ("kind", "subject", "rows"),
    [("request", REQUEST.upper(), OF_REQUEST), ("person", str(PERSON), OF_PERSON)],
    ids=["request", "person"],
)
async def test_the_erased_leave_views_and_disk_and_others_stay(
    client: Client,
    writer: ClickHouseWriter,
    kind: str,
    subject: str,
    rows: list[tuple[Table, dict[str, Any]]],
) -> None:
    await fill_all(writer, OF_OTHERS, first=100)
    others = counts(client, stored=False)
    others_stored = counts(client, stored=True)
    await fill_all(writer, rows)
    assert sum(counts(client, stored=False).values()) == sum(others.values()) + len(rows)
    await erase(writer, kind, subject)
    assert counts(client, stored=False) == others
    assert counts(client, stored=True) == others_stored
    await erase(writer, kind, subject)
    assert counts(client, stored=True) == others_stored


async def test_a_late_row_of_the_erased_goes_too(client: Client, writer: ClickHouseWriter) -> None:
    await fill(writer, WEB_LOGS, [row("web_log", 1, id=REQUEST, user_id=PERSON, real_user_id=None)])
    event = row("live_event", 2, event_key="5" * 32, user_id=None, real_user_id=PERSON)
    await fill(writer, LIVE_EVENTS, [event])
    keys = (REQUEST.replace("-", ""), "5" * 32, "6" * 32)
    late = [row("late_row", number, event_key=key) for number, key in enumerate(keys)]
    await fill(writer, LATE_ROWS, late)
    await erase(writer, "person", str(PERSON))
    assert query(client, "SELECT event_key FROM late_rows_store").rows == [(keys[-1],)]


async def test_an_erased_row_that_comes_later_is_not_seen_and_swept_away(
    client: Client, writer: ClickHouseWriter
) -> None:
    await erase(writer, "request", REQUEST)
    await erase(writer, "person", str(PERSON))
    await fill_all(writer, OF_REQUEST + OF_PERSON)
    assert not any(counts(client, stored=False).values())
    assert any(counts(client, stored=True).values())

    async def nobody(_positions: object) -> None:
        pass

    sink = ClickHouseSink(writer, project_schemas(), nobody)
    await sink.assigned([(topics.ERASURES.name, 0)])
    await sink.tick(0)
    assert sink._sending is not None
    await sink._sending
    assert not any(counts(client, stored=True).values())


async def test_a_subject_that_is_no_id_erases_nothing(
    client: Client, writer: ClickHouseWriter
) -> None:
    await fill_all(writer, OF_OTHERS)
    before = counts(client, stored=True)
    for kind, subject in [("request", "x') OR (1=1"), ("person", "0"), ("person", "all")]:
        await erase(writer, kind, subject)
    assert counts(client, stored=False) == before_view(before)
    assert counts(client, stored=True) == before


def before_view(stored: dict[str, int]) -> dict[str, int]:
    return {name.removesuffix("_store"): count for name, count in stored.items()}
