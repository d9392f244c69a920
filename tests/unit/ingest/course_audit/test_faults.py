"""Each way in which Canvas fails, and what the agent makes of it."""

import pytest

from pipeline.domain.errors import OurMistake, TooManyBadRecords, Unavailable
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.ingest.course_audit.agent import in_an_hour
from tests.support.canvas.audit_run import NOW, AuditRun, happened
from tests.support.canvas.audit_server import SECOND, FakeCanvas, Happened, rendered, served

EVENTS = [happened(number, NOW - number * MINUTE) for number in range(30)]


@pytest.mark.parametrize(
    ("fault", "counted"),
    [
        ("throttled by text", "throttled"),
        ("throttled by status", "throttled"),
        ("server error", "failed"),
        ("dropped", "failed"),
        ("cut", "failed"),
        ("no json", "unreadable"),
        ("no page", "unreadable"),
    ],
)
async def test_a_fault_that_passes_is_waited_out(fault: str, counted: str) -> None:
    async with served(FakeCanvas(EVENTS, most_per_page=10, faults=[fault, fault])) as canvas:
        run = AuditRun(canvas)
        await run.round()
        assert run.ids == run.source()
        # The HTTP client itself asks once more where a connection it has kept is closed.
        assert run.figures.requests[counted] == (1 if fault == "dropped" else 2)


async def test_a_canvas_that_goes_on_failing_is_unavailable_and_then_read_to_the_end() -> None:
    async with served(FakeCanvas(EVENTS, broken={1})) as canvas:
        run = AuditRun(canvas)
        with pytest.raises(Unavailable):
            await run.round()
        canvas.broken = set()
        await run.round()
        assert run.ids == run.source()


async def test_one_account_that_fails_is_put_off_and_holds_the_mark_back() -> None:
    parents = {1: None, 2: 1, 3: 1, 4: 1}
    events = [happened(number, NOW - MINUTE, account=1 + number % 4) for number in range(8)]
    async with served(FakeCanvas(events, parents=parents, broken={3})) as canvas:
        run = AuditRun(canvas)
        first = await run.round()
        assert {row["account_id"] for row in run.rows} == {1, 2, 4}
        assert first is not None
        assert first.mark == NOW - 2 * HOUR  # the start of what is owed
        run.later(5 * HOUR)
        canvas.broken = set()
        second = await run.round()
        assert run.ids == run.source()
        assert second is not None
        assert second.mark == run.now - HOUR


async def test_an_account_that_is_refused_is_asked_again_from_where_it_was_refused() -> None:
    parents = {1: None, 2: 1}
    events = [happened(1, NOW - MINUTE), happened(2, NOW - HOUR - MINUTE, account=2)]
    async with served(FakeCanvas(events, parents=parents, refused={2})) as canvas:
        run = AuditRun(canvas)
        await run.round()
        run.later(30 * HOUR)
        await run.round()
        assert len(run.ids) == 1
        assert "accounts could not be read (1 refused)" in run.said[-1]
        canvas.refused = set()
        run.later()
        await run.round()
        assert run.ids == run.source()


async def test_a_token_without_the_right_stops_with_a_sentence() -> None:
    async with served(FakeCanvas(EVENTS, refused={1})) as canvas:
        with pytest.raises(OurMistake, match="Courses - view change logs"):
            await AuditRun(canvas).round()


async def test_a_token_that_expired_stops_with_a_sentence_that_does_not_tell_it() -> None:
    async with served(FakeCanvas(EVENTS, token="another")) as canvas:
        with pytest.raises(OurMistake, match="wrong, expired or deleted") as raised:
            await AuditRun(canvas).round()
        assert "the-token-of-the-test" not in str(raised.value)


async def test_an_account_that_does_not_exist_stops_with_a_sentence() -> None:
    async with served(FakeCanvas(EVENTS)) as canvas:
        with pytest.raises(OurMistake, match="account 99"):
            await AuditRun(canvas).round(account="99")


async def test_a_clock_ahead_by_half_an_overlap_is_refused_and_one_behind_is_not() -> None:
    async with served(FakeCanvas(EVENTS)) as canvas:
        with pytest.raises(OurMistake, match="1,801 s ahead"):
            await AuditRun(canvas, ahead=1_801 * SECOND).round()
        run = AuditRun(canvas, ahead=-HOUR)
        await run.round()
        assert run.ids == run.source()


def spoilt(number: int, at: int) -> Happened:
    event = happened(number, at)
    return happened(number, at, raw={**rendered(event), "event_type": None})


async def test_a_bad_event_is_dead_once_and_costs_its_neighbours_nothing() -> None:
    events = [happened(1, NOW), spoilt(2, NOW - SECOND), happened(3, NOW - 2 * SECOND)]
    async with served(FakeCanvas(events, most_per_page=2)) as canvas:
        run = AuditRun(canvas)
        for _ in range(3):
            await run.round()
            run.later()
        assert run.ids == [events[0].id, events[2].id]
        (letter,) = run.letters
        assert (letter["source"], letter["feed"]) == ("course-audit", "course_audit")
        assert letter["location"].startswith("accounts/1#")
        assert letter["detail"] == "event_type is blank"
        assert run.figures.rows["read"] == sum(
            run.figures.rows[name] for name in ("published", "dead", "duplicates")
        )


async def test_too_many_bad_events_stop_the_agent() -> None:
    events = [spoilt(number, NOW - number * SECOND) for number in range(200)]
    async with served(FakeCanvas(events)) as canvas:
        with pytest.raises(TooManyBadRecords, match="event_type is blank"):
            await AuditRun(canvas).round()


async def test_rule_17_a_mark_follows_each_complete_round_in_every_partition() -> None:
    async with served(FakeCanvas(EVENTS)) as canvas:
        run = AuditRun(canvas)
        await run.round()
        run.later()
        await run.round()
        for marks in run.marks():
            assert [mark.at for mark in marks] == [NOW - HOUR, NOW + 15 * MINUTE - HOUR]


async def test_the_session_is_that_of_the_page_view_that_came_along() -> None:
    view, session = "1dd9dc6f-2fb0-4c19-a6c5-7ee1bf3ed295", "ef686f8ed684abf78cbfa1f6a58112b5"
    events = [
        happened(1, NOW, page_view=view, session=session),
        happened(2, NOW - SECOND, page_view="2dd9dc6f-2fb0-4c19-a6c5-7ee1bf3ed295"),
        happened(3, NOW - 2 * SECOND),
    ]
    async with served(FakeCanvas(events)) as canvas:
        run = AuditRun(canvas)
        await run.round()
        found = {row["id"]: (row["page_view_id"], row["session_id"]) for row in run.rows}
        assert found == {
            events[0].id: (view, session),
            events[1].id: (events[1].page_view, None),
            events[2].id: (None, None),
        }


async def test_the_number_of_requests_an_hour_is_said_and_bounded() -> None:
    async with served(FakeCanvas(EVENTS, parents={1: None, 2: 1})) as canvas:
        run = AuditRun(canvas)
        await run.round(requests_per_hour=1_000_000)
        await run.round(requests_per_hour=1_000_000)
        options = run.options(requests_per_hour=3_600)
    assert (
        run.said
        == ["16 requests an hour, of 1,000,000 allowed: 2 accounts, each asked every 15 minutes"]
        * 2
    )
    many = in_an_hour(run.options(requests_per_hour=3_600, courses=range(100_000)), 100_000)
    assert many == (
        "3,600 requests an hour, of 3,600 allowed: 100,000 courses, each asked every 1,667 minutes"
    )
    assert in_an_hour(options, 2_000).startswith("3,600 requests an hour")
