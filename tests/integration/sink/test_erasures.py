"""What is erased is in no view and, soon, on no disk; it stays erased, whatever comes later."""

import re
import uuid
from typing import Any

import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client

from pipeline.domain import topics
from pipeline.sink.erasing import sweep
from pipeline.sink.queries import count_tables, query
from pipeline.sink.sink import ClickHouseSink
from pipeline.sink.tables.anomalies import ANOMALIES
from pipeline.sink.tables.course_audit import COURSE_AUDIT
from pipeline.sink.tables.erasures import ERASURES
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


def of_request(request: str) -> list[tuple[Table, dict[str, Any]]]:
    """Return a row for every way in which a row may be of a request."""
    return [
        (WEB_LOGS, {"id": request} | NOBODY),
        (LIVE_EVENTS, {"request_id": request} | NOBODY),
        (COURSE_AUDIT, {"page_view_id": request, "user_id": None}),
        (LATE_ROWS, {"event_key": request}),
        (LATE_ROWS, {"event_key": request.replace("-", "")}),
    ]


def of_person(person: int) -> list[tuple[Table, dict[str, Any]]]:
    """Return a row for every way in which a row may be of a person."""
    return [
        (WEB_LOGS, NOBODY | {"user_id": person}),
        (WEB_LOGS, NOBODY | {"real_user_id": person}),
        (LIVE_EVENTS, NOBODY | {"user_id": person}),
        (LIVE_EVENTS, NOBODY | {"real_user_id": person}),
        (COURSE_AUDIT, {"user_id": person}),
        (SESSIONS, {"actor": person}),
        (SESSIONS, {"actor": None, "users": [1, person]}),
        (SESSIONS, {"actor": None, "masquerade_targets": [person]}),
        (REQUEST_STATS, {"dimension": "masquerader", "key": str(person)}),
        (REQUEST_STATS, {"dimension": "masquerader", "members": ["x", str(person)]}),
        (REQUEST_STATS, {"dimension": "grader", "key": str(person)}),
        (REQUEST_STATS, {"dimension": "token_course", "key": f"9#{person}"}),
        (REQUEST_STATS, {"dimension": "login_ip", "key": "10.0.0.1", "members": [str(person)]}),
        (ANOMALIES, {"dimension": "course_change", "key": f"deleted#{person}"}),
        (ANOMALIES, {"dimension": "masquerader", "key": str(person)}),
        (ANOMALIES, {"dimension": "masquerader", "contributing_keys": [str(person)]}),
    ]


OF_REQUEST = of_request(REQUEST)
OF_PERSON = of_person(PERSON)
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


class Heard:
    """Passes everything on to a writer and keeps the statements."""

    def __init__(self, writer: ClickHouseWriter) -> None:
        self.trouble: str | None = None
        self.retries = 0
        self.commands: list[str] = []
        self._writer = writer

    async def insert(self, store: str, rows: pa.Table) -> None:
        await self._writer.insert(store, rows)

    async def command(self, statement: str, doing: str) -> None:
        self.commands.append(statement)
        await self._writer.command(statement, doing)

    async def query(self, statement: str, doing: str) -> list[tuple[Any, ...]]:
        return await self._writer.query(statement, doing)


async def test_rule_22_a_sweep_deletes_what_it_found_however_many_were_erased(
    client: Client, writer: ClickHouseWriter
) -> None:
    """A row of somebody else for every way to be theirs: each is found, nobody else is named."""
    requests = [str(uuid.UUID(int=number)) for number in range(1, 601)]
    people = range(100_000, 100_600)
    erased = [("request", id_) for id_ in requests] + [("person", str(id_)) for id_ in people]
    orders = [row("erasure", at, kind=kind, subject=id_) for at, (kind, id_) in enumerate(erased)]
    await fill(writer, ERASURES, orders)
    await fill_all(writer, OF_OTHERS, first=100)
    others = counts(client, stored=True)
    late = {requests[at]: of_request(requests[at])[at] for at in range(len(OF_REQUEST))}
    late |= {str(people[at]): of_person(people[at])[at] for at in range(len(OF_PERSON))}
    await fill_all(writer, list(late.values()))
    heard = Heard(writer)
    await sweep(heard)
    assert counts(client, stored=True) == others
    assert set().union(*map(named, heard.commands)) == {*late}
    heard.commands.clear()
    await sweep(heard)
    assert heard.commands == []


def named(statement: str) -> set[str]:
    """Return the requests and people that a statement names."""
    people = re.findall(r"(?<=[\[(])\d[\d, ]*(?=[\])])", statement)
    requests = re.findall(r"'([0-9a-f-]{36})'", statement)
    return {person for listed in people for person in listed.split(", ")} | set(requests)


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
