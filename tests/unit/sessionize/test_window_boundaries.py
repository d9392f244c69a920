"""The edges of session windows in a whole task, each once steady and once with a crash after every
commit. When windows close is told by ``test_window_closing.py``.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.domain.event_time import HOUR, MICROS, MINUTE, EventTimeRules
from tests.support.task_line import Shown, TaskLine
from tests.support.task_rows import IDS, T, web_log

RULES = EventTimeRules()
GAP = RULES.gap
LIMIT = GAP + RULES.allowed_lateness
"""How far behind the watermark a row is in time."""
NOON = T // (24 * HOUR) * 24 * HOUR + 12 * HOUR
FOUR = NOON + 16 * HOUR
A, B, C = IDS

MakeLine = Callable[..., TaskLine]


@pytest.fixture(params=[False, True], ids=["steady", "restarted"])
def make_line(request: pytest.FixtureRequest) -> MakeLine:
    return lambda rules=RULES: TaskLine(rules, restarts=request.param)


@pytest.fixture
def line(make_line: MakeLine) -> TaskLine:
    return make_line()


def changed(records: list[dict[str, object]]) -> dict[object, object]:
    """Statuses of the published records by start."""
    return {record["start"]: record["status"] for record in records}


# The gap


@pytest.mark.parametrize("order", [1, -1], ids=["in order", "out of order"])
def test_rule_8_exactly_the_gap_joins_and_a_microsecond_more_does_not(
    line: TaskLine, order: int
) -> None:
    for time in (NOON, NOON + GAP)[::order]:
        line.web(time)
    assert line.spans() == [(NOON, NOON + GAP)]
    for time in (NOON, NOON + GAP + 1)[::order]:
        line.web(time, session=B)
    assert line.spans(B) == [(NOON, NOON), (NOON + GAP + 1, NOON + GAP + 1)]


def test_rule_8_the_feeds_keep_one_session_together_at_exactly_the_gap(line: TaskLine) -> None:
    line.web(NOON, NOON + 2 * GAP)
    line.live(NOON + GAP)
    assert line.spans() == [(NOON, NOON + 2 * GAP)]


def test_rule_8_the_gap_counts_from_row_to_row_and_not_from_the_start(line: TaskLine) -> None:
    for i in range(20):
        line.web(NOON + i * GAP)
    assert line.spans() == [(NOON, NOON + 19 * GAP)]


def test_a_session_ends_with_its_last_row_and_not_a_gap_later(line: TaskLine) -> None:
    (record,) = line.web(NOON, NOON + 5)
    assert (record["end"], record["closes_at"]) == (NOON + 5, NOON + 5 + GAP)


def test_a_session_of_one_row_starts_and_ends_with_it(line: TaskLine) -> None:
    line.web(NOON)
    assert line.shown() == [Shown(NOON, NOON, "open")]


def test_a_row_inside_a_session_moves_neither_end(line: TaskLine) -> None:
    line.web(NOON, NOON + GAP)
    (record,) = line.web(NOON + 1)
    assert (record["start"], record["end"], record["revision"]) == (NOON, NOON + GAP, 3)
    line.web(NOON + 2 * GAP)
    assert line.spans() == [(NOON, NOON + 2 * GAP)]


def test_ids_are_joined_each_for_itself_in_one_chunk(line: TaskLine) -> None:
    times = {A: (0, GAP + 1, GAP // 2), B: (0, GAP + 1), C: (GAP * 3 // 2 + 1, 0)}
    line.write(
        row
        for at in range(3)
        for session, own in times.items()
        if at < len(own)
        for row in [web_row(at, NOON + own[at], session)]
    )
    assert line.spans(A) == [(NOON, NOON + GAP + 1)]
    assert [start - NOON for start, _ in line.spans(B)] == [0, GAP + 1]
    assert [start - NOON for start, _ in line.spans(C)] == [0, GAP * 3 // 2 + 1]


def web_row(number: int, time: int, session: str) -> dict[str, object]:
    return web_log(number * 10 + IDS.index(session), time, session_id=session)


# Bridges


def test_rule_12_a_row_between_two_sessions_makes_them_one_under_the_earlier_start(
    line: TaskLine,
) -> None:
    line.web(NOON)
    line.web(NOON + 2 * GAP)
    assert changed(line.web(NOON + GAP)) == {NOON: "open", NOON + 2 * GAP: "withdrawn"}
    assert line.spans() == [(NOON, NOON + 2 * GAP)]


def test_rule_12_two_rows_of_one_chunk_make_three_sessions_one(line: TaskLine) -> None:
    for i in (4, 0, 2):
        line.web(NOON + i * GAP)
    gone = dict.fromkeys((NOON + 2 * GAP, NOON + 4 * GAP), "withdrawn")
    assert changed(line.web(NOON + 3 * GAP, NOON + GAP)) == {NOON: "open"} | gone
    assert line.task.open_sessions == 1


def test_rule_12_bridges_of_both_feeds_in_one_commit_make_three_sessions_one(
    line: TaskLine,
) -> None:
    for i in (2, 4, 0):
        line.web(NOON + i * GAP)
    line.kafka.write("canvas.web_logs.v1", 0, [web_row(1001, NOON + GAP, A)])
    records = line.live(NOON + 3 * GAP)
    gone = dict.fromkeys((NOON + 2 * GAP, NOON + 4 * GAP), "withdrawn")
    assert changed(records) == {NOON: "open"} | gone
    assert [len({r["version"] for r in records}), line.task.open_sessions] == [1, 1]


def test_of_four_sessions_only_those_a_row_reaches_become_one(line: TaskLine) -> None:
    starts = [NOON, NOON + 3 * GAP, NOON + 5 * GAP, NOON + 8 * GAP]
    for start in starts:
        line.web(start)
    assert changed(line.web(NOON + 4 * GAP)) == {starts[1]: "open", starts[2]: "withdrawn"}
    assert [start for start, _ in line.spans()] == [starts[0], starts[1], starts[3]]


def test_a_bridge_a_microsecond_too_short_joins_one_side_only(line: TaskLine) -> None:
    line.web(NOON, NOON + 2 * GAP + 1)
    assert changed(line.web(NOON + GAP)) == {NOON: "open"}
    assert line.spans() == [(NOON, NOON + GAP), (NOON + 2 * GAP + 1, NOON + 2 * GAP + 1)]


def test_a_chunk_that_spans_many_sessions_takes_them_all_in(line: TaskLine) -> None:
    inner = [NOON + i * 2 * GAP for i in range(1, 5)]
    for start in inner:
        line.web(start)
    records = line.web(*(NOON + i * GAP for i in range(11)))
    assert changed(records) == {NOON: "open"} | dict.fromkeys(inner, "withdrawn")
    assert line.spans() == [(NOON, NOON + 10 * GAP)]


def test_a_bridge_keeps_what_both_sessions_counted(line: TaskLine) -> None:
    line.web(NOON, NOON + 1, course_id=1, http_status=500)
    line.web(NOON + 2 * GAP, course_id=2)
    line.live(NOON + GAP, course_id=3)
    (record,) = line.records().values()
    assert (record["revision"], record["requests"], record["events"]) == (4, 3, 1)
    assert (record["errors"], sorted(record["courses"])) == (2, [1, 2, 3])


def test_a_closed_and_an_open_session_that_are_bridged_are_open(line: TaskLine) -> None:
    line.web(NOON)
    line.web(NOON + 2 * GAP)
    line.mark(live_events=NOON + 2 * GAP)
    assert line.statuses() == ["closed", "open"]
    line.web(NOON + GAP)
    assert line.shown() == [Shown(NOON, NOON + 2 * GAP, "open")]


# Rows before the first


@pytest.mark.parametrize("back", [1, GAP])
def test_rule_12_a_row_before_the_first_moves_the_start(line: TaskLine, back: int) -> None:
    line.web(NOON)
    assert changed(line.web(NOON - back)) == {NOON - back: "open", NOON: "withdrawn"}


def test_every_move_of_the_start_withdraws_the_start_before_it(line: TaskLine) -> None:
    line.web(NOON)
    for i in range(1, 4):
        records = changed(line.web(NOON - i * GAP))
        assert records == {NOON - i * GAP: "open", NOON - (i - 1) * GAP: "withdrawn"}
    assert line.spans() == [(NOON - 3 * GAP, NOON)]


def test_a_row_more_than_the_gap_before_the_first_is_a_session_of_its_own(line: TaskLine) -> None:
    line.web(NOON)
    assert changed(line.web(NOON - GAP - 1)) == {NOON - GAP - 1: "open"}


def test_a_start_that_moves_away_and_a_new_session_there_do_not_meet(line: TaskLine) -> None:
    line.web(NOON + GAP)
    line.web(NOON)
    records = line.web(NOON + 2 * GAP + 1)
    assert changed(records) == {NOON + 2 * GAP + 1: "open"}
    assert line.spans()[0] == (NOON, NOON + GAP)


# Equal times


def test_rows_of_one_time_and_different_keys_are_counted_each(line: TaskLine) -> None:
    line.web(NOON, NOON)
    line.web(NOON)
    line.live(NOON)
    (record,) = line.records().values()
    assert (record["requests"], record["events"]) == (3, 1)
    assert (record["start"], record["end"]) == (NOON, NOON)


def test_equal_times_in_different_sessions_stay_apart(line: TaskLine) -> None:
    line.web(NOON)
    line.web(NOON, session=B)
    assert line.spans(A) == line.spans(B) == [(NOON, NOON)]


# Activity days


def test_rule_9_a_row_exactly_at_the_start_of_a_day_belongs_to_that_day(line: TaskLine) -> None:
    line.web(FOUR - 1, FOUR, FOUR + 1)
    assert line.spans() == [(FOUR - 1, FOUR - 1), (FOUR, FOUR + 1)]
    assert all(record["continued"] for record in line.records().values())


def test_rule_9_a_day_that_ends_inside_a_session_cuts_it_whatever_comes_first(
    line: TaskLine,
) -> None:
    rows = [FOUR - GAP, FOUR - 1, FOUR, FOUR + GAP]
    for at, session in ((0, A), (2, B), (1, C)):
        for time in rows[at:] + rows[:at]:
            line.web(time, session=session)
        assert line.spans(session) == [(FOUR - GAP, FOUR - 1), (FOUR, FOUR + GAP)]


def test_rule_9_no_row_bridges_sessions_of_two_days(line: TaskLine) -> None:
    line.web(FOUR - GAP // 2)
    line.web(FOUR + GAP // 2)
    assert [len(line.spans()), {r["continued"] for r in line.records().values()}] == [2, {True}]
    assert changed(line.web(FOUR)) == {FOUR: "open", FOUR + GAP // 2: "withdrawn"}
    assert line.spans() == [(FOUR - GAP // 2, FOUR - GAP // 2), (FOUR, FOUR + GAP // 2)]


def test_rule_9_both_parts_become_final_each_by_its_own_end(line: TaskLine) -> None:
    line.web(FOUR - 1, FOUR)
    line.mark(FOUR - 1 + GAP + LIMIT + 1)
    assert line.statuses() == ["final", "closed"]
    line.mark(FOUR + GAP + LIMIT + 1)
    assert line.statuses() == ["final", "final"]
    assert {record["continued"] for record in line.records().values()} == {True}


def test_rule_9_a_session_that_never_pauses_is_one_of_24_hours_a_day(line: TaskLine) -> None:
    times = [NOON + i * GAP for i in range(120)]
    line.web(*times)
    starts = [start for start, _ in line.spans()]
    assert starts == [NOON, FOUR, FOUR + 24 * HOUR]


def local(zone: str, *clock: int) -> int:
    return round(datetime(*clock, tzinfo=ZoneInfo(zone)).timestamp()) * MICROS  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("zone", "before", "after", "hours"),
    [
        ("Europe/Berlin", (2026, 3, 28, 4), (2026, 3, 29, 4), 23),
        ("Europe/Berlin", (2026, 10, 24, 4), (2026, 10, 25, 4), 25),
        ("America/New_York", (2026, 3, 7, 4), (2026, 3, 8, 4), 23),
        ("America/New_York", (2026, 10, 31, 4), (2026, 11, 1, 4), 25),
    ],
)
def test_rule_9_the_day_around_a_change_of_the_clocks_has_23_or_25_hours(
    make_line: MakeLine, zone: str, before: tuple[int, ...], after: tuple[int, ...], hours: int
) -> None:
    line = make_line(replace(RULES, time_zone=zone))
    first, second = local(zone, *before), local(zone, *after)
    assert second - first == hours * HOUR
    line.web(*(first + i * GAP for i in range(-1, 2 * hours + 2)))
    assert [start for start, _ in line.spans()] == [first - GAP, first, second]
    assert line.spans()[1] == (first, second - GAP)


@pytest.mark.parametrize("clock", [(2026, 3, 28), (2026, 10, 24)])
def test_rule_9_a_day_whose_start_the_clocks_skip_or_repeat_starts_once(
    make_line: MakeLine, clock: tuple[int, ...]
) -> None:
    line = make_line(replace(RULES, time_zone="Europe/Berlin", day_start_s=9000))
    first = local("Europe/Berlin", *clock, 2, 30)
    line.web(*(first + i * 10 * MINUTE for i in range(6 * 50)))
    spans = line.spans()
    assert spans[0][0] == first
    assert len(spans) == 3
    assert 23 * HOUR <= spans[1][0] - first <= 25 * HOUR
