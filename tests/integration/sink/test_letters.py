"""Dead letters as operators choose them, and audit events in their sessions."""

from datetime import UTC, datetime

import pytest
from clickhouse_connect.driver.client import Client

from pipeline.sink.letters import Choice, count_letters, letters
from pipeline.sink.queries import query
from pipeline.sink.tables.course_audit import COURSE_AUDIT
from pipeline.sink.tables.dead_letter_actions import DEAD_LETTER_ACTIONS
from pipeline.sink.tables.dead_letters import DEAD_LETTERS
from pipeline.sink.tables.live_events import LIVE_EVENTS
from pipeline.sink.tables.sessions import SESSIONS
from pipeline.sink.tables.web_logs import WEB_LOGS
from pipeline.sink.writer import ClickHouseWriter
from tests.support.sink_rows import TIME, row
from tests.support.sink_tables import fill

pytestmark = pytest.mark.stack

SECOND = 1_000_000
PAYLOAD = b'{"a": "\xff\x00\n"}'


def moment(number: int) -> datetime:
    return datetime.fromtimestamp((TIME + number * SECOND) / 1e6, UTC)


async def fill_letters(writer: ClickHouseWriter) -> None:
    rows = [
        row(
            "dead_letter",
            number,
            source=f"agent-{number % 2}:file",
            feed=("web_logs", "live_events")[number % 2],
            reason=("json", "time", "shape")[number % 3],
            happened_at=TIME + number * SECOND,
            payload=PAYLOAD,
        )
        for number in range(6)
    ]
    await fill(writer, DEAD_LETTERS, rows)


async def test_letters_are_chosen_by_source_feed_reason_time_and_name(
    client: Client, writer: ClickHouseWriter
) -> None:
    await fill_letters(writer)
    every = list(letters(client, Choice()))
    assert [one.happened_at for one in every] == [moment(number) for number in range(6)]
    assert {one.payload for one in every} == {PAYLOAD}
    assert len({one.letter for one in every}) == 6
    assert all(len(one.letter) == 32 for one in every)

    def chosen(**conditions: object) -> list[int]:
        choice = Choice(**conditions)  # type: ignore[arg-type]
        found = [every.index(one) for one in letters(client, choice)]
        assert count_letters(client, choice) == len(found)
        return found

    assert chosen(source="agent-1") == [1, 3, 5]
    assert chosen(feed="web_logs") == [0, 2, 4]
    assert chosen(reason="time") == [1, 4]
    assert chosen(since=moment(2), until=moment(4)) == [2, 3]
    assert chosen(letters=(every[5].letter[:12], every[0].letter)) == [0, 5]
    assert chosen(source="agent-1", reason="time") == [1]
    assert [one.letter for one in letters(client, Choice(), 2)] == [one.letter for one in every[:2]]


async def test_a_letter_that_is_done_with_is_hidden_and_shown_with_all(
    client: Client, writer: ClickHouseWriter
) -> None:
    await fill_letters(writer)
    first, second, *rest = letters(client, Choice())
    for letter, action in ((first, "discarded"), (second, "replayed")):
        done = row("dead_letter_action", 1, letter=letter.letter, action=action)
        await fill(writer, DEAD_LETTER_ACTIONS, [done, done])
    assert list(letters(client, Choice())) == rest
    assert query(client, "SELECT count() FROM dead_letters_waiting").rows == [(4,)]
    actions = [one.action for one in letters(client, Choice(done=True))]
    assert actions == ["discarded", "replayed", "", "", "", ""]


def request(number: int) -> str:
    return f"8b6a2f4e-0000-4000-8000-{number:012d}"


async def test_an_audit_event_is_found_in_the_session_of_its_request(
    client: Client, writer: ClickHouseWriter
) -> None:
    at = TIME + 60 * SECOND
    events = [
        row("course_audit", 1, created_at=at, page_view_id=request(1), session_id="a" * 32),
        row("course_audit", 2, created_at=at, page_view_id=request(2), session_id=None),
        row("course_audit", 3, created_at=at, page_view_id=request(3), session_id=None),
        row("course_audit", 4, created_at=at, page_view_id=request(4), session_id=None),
        row("course_audit", 5, created_at=at, page_view_id=None, session_id=None),
    ]
    await fill(writer, COURSE_AUDIT, events)
    web_log = row("web_log", 2, id=request(2), timestamp=at + 5, session_id="b" * 32)
    await fill(writer, WEB_LOGS, [web_log])
    event = row("live_event", 3, event_time=at, request_id=request(3), session_id="c" * 32)
    await fill(writer, LIVE_EVENTS, [event])
    held = [
        # The event shows whole seconds: its session may begin a moment after it.
        row("session", 1, session_id="a" * 32, start=at + SECOND // 2, end=at + SECOND),
        row("session", 2, session_id="b" * 32, start=at - 9 * SECOND, end=at + 5),
        row("session", 3, session_id="b" * 32, start=at + 9 * SECOND, end=at + 10 * SECOND),
    ]
    await fill(writer, SESSIONS, [{**one, "status": "final"} for one in held])
    statement = (
        "SELECT session_id, toUnixTimestamp64Micro(session_start) FROM course_audit_sessions"
        " ORDER BY id"
    )
    assert query(client, statement).rows == [
        ("a" * 32, at + SECOND // 2),
        ("b" * 32, at - 9 * SECOND),
        ("c" * 32, None),
        (None, None),
        (None, None),
    ]
