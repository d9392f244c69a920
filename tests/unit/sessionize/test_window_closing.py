"""When session windows close, end for good, and which rows still belong to them; each in a whole
task, once steady and once with a crash after every commit.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.domain.event_time import HOUR, MINUTE, EventTimeRules
from pipeline.domain.topics import SESSIONS
from tests.support.task_line import Shown, TaskLine
from tests.support.task_rows import IDS, T, web_log

RULES = EventTimeRules()
GAP = RULES.gap
LIMIT = GAP + RULES.allowed_lateness
"""How far behind the watermark a row is in time."""
NOON = T // (24 * HOUR) * 24 * HOUR + 12 * HOUR
A, B, _ = IDS
LOGGED_IN, LOGGED_OUT = {"event_name": "logged_in"}, {"event_name": "logged_out"}

MakeLine = Callable[..., TaskLine]


@pytest.fixture(params=[False, True], ids=["steady", "restarted"])
def make_line(request: pytest.FixtureRequest) -> MakeLine:
    return lambda rules=RULES: TaskLine(rules, restarts=request.param)


@pytest.fixture
def line(make_line: MakeLine) -> TaskLine:
    return make_line()


# Watermarks


def test_rule_15_a_session_closes_when_a_watermark_is_above_its_end_and_the_gap(
    line: TaskLine,
) -> None:
    line.web(NOON)
    line.mark(live_events=NOON + GAP)
    assert line.statuses() == ["open"]
    (record,) = line.mark(live_events=NOON + GAP + 1)
    assert (record["status"], record["closes_at"]) == ("closed", NOON + GAP)


def test_rule_14_a_session_is_held_while_a_row_in_time_can_reach_it(line: TaskLine) -> None:
    line.web(NOON)
    line.mark(NOON + GAP + LIMIT)
    assert (line.statuses(), line.task.open_sessions) == (["closed"], 1)
    line.mark(NOON + GAP + LIMIT + 1)
    assert (line.statuses(), line.task.open_sessions) == (["final"], 0)


def test_rule_14_without_lateness_sessions_of_an_id_still_never_overlap(
    make_line: MakeLine,
) -> None:
    line = make_line(replace(RULES, allowed_lateness=0))
    line.web(NOON)
    line.mark(NOON + GAP + 1)
    line.web(NOON + GAP - 5)
    assert line.spans() == [(NOON, NOON + GAP - 5)]
    line.mark(NOON + 3 * GAP)
    line.web(NOON + 2 * GAP)
    assert line.spans() == [(NOON, NOON + GAP - 5), (NOON + 2 * GAP, NOON + 2 * GAP)]
    assert line.statuses() == ["final", "open"]


def test_the_time_that_one_session_moves_is_that_of_all(line: TaskLine) -> None:
    line.web(NOON, session=A)
    line.mark(web_logs=NOON + GAP + LIMIT + 1)
    line.live(NOON + GAP + LIMIT + 2 * MINUTE + 1, session=B)
    assert (line.statuses(A), line.statuses(B)) == (["final"], ["open"])


def test_rule_16_rows_of_web_logs_close_nothing(line: TaskLine) -> None:
    line.web(NOON)
    line.web(NOON + 9 * HOUR, session=B)
    assert line.statuses() == ["open"]


def test_rule_16_rows_of_live_events_close_two_minutes_behind(line: TaskLine) -> None:
    line.web(NOON)
    line.live(NOON + GAP + 2 * MINUTE, session=B)
    assert line.statuses() == ["open"]
    line.live(NOON + GAP + 2 * MINUTE + 1, session=B)
    assert line.statuses() == ["closed"]


def test_rule_16_a_mark_below_the_watermark_changes_nothing(line: TaskLine) -> None:
    line.web(NOON)
    line.mark(NOON + 2 * GAP)
    assert line.mark(NOON) == []
    assert line.task.watermarks.task == NOON + 2 * GAP
    assert line.mark(NOON + 2 * GAP) == []


def test_a_mark_alone_moves_time_where_nobody_clicks(line: TaskLine) -> None:
    line.mark(NOON)
    line.mark(NOON + 9 * HOUR)
    assert line.task.watermarks.task == NOON + 9 * HOUR
    line.web(NOON)
    assert [row["reason"] for row in line.late()] == ["late"]


# Rows near the limit


def test_rule_14_a_row_exactly_at_the_limit_is_in_time(line: TaskLine) -> None:
    line.mark(NOON + LIMIT)
    line.web(NOON, NOON - 1)
    assert line.spans() == [(NOON, NOON)]
    assert [row["event_time"] for row in line.late()] == [NOON - 1]


def test_rule_14_a_late_row_joins_no_session_though_one_is_near(line: TaskLine) -> None:
    line.web(NOON)
    line.mark(NOON + LIMIT)
    assert line.web(NOON - 1) == []
    assert line.spans() == [(NOON, NOON)]
    assert len(line.late()) == 1


def test_rule_14_a_late_row_bridges_nothing(line: TaskLine) -> None:
    line.web(NOON)
    line.web(NOON + GAP + 2)
    line.mark(NOON + GAP + LIMIT)
    assert line.statuses() == ["closed", "closed"]
    assert line.web(NOON + GAP - 1) == []
    assert len(line.late()) == 1
    assert len(line.spans()) == 2
    line.web(NOON + GAP)
    assert line.spans() == [(NOON, NOON + GAP + 2)]


def test_rule_14_the_first_row_in_time_beside_a_dropped_session_is_beyond_its_gap(
    line: TaskLine,
) -> None:
    line.web(NOON)
    line.mark(NOON + GAP + LIMIT + 1)
    line.web(NOON + GAP, NOON + GAP + 1)
    assert line.shown() == [
        Shown(NOON, NOON, "final"),
        Shown(NOON + GAP + 1, NOON + GAP + 1, "closed"),
    ]
    assert [row["event_time"] for row in line.late()] == [NOON + GAP]


def test_rule_15_nothing_opens_a_final_session_again(line: TaskLine) -> None:
    line.web(NOON)
    line.mark(NOON + GAP + LIMIT + 1)
    before = line.records()
    line.web(NOON - GAP, NOON, NOON + GAP)
    assert line.records() == before
    assert line.task.tallies["web_logs"].late == 3


def test_rule_14_a_late_row_is_in_no_session_and_no_minute_and_whole_on_its_topic(
    line: TaskLine,
) -> None:
    line.mark(NOON + LIMIT + 1)
    row = web_log(7, NOON, session_id=A)
    assert line.write([row]) == []
    (late,) = line.late()
    assert line.deltas() == []
    source = line.kafka.chunk(late["source_topic"], 0, 0, 99).record(late["source_offset"])
    assert (late["value"], late["schema_id"]) == (
        source.value,
        int.from_bytes((source.value or b"")[1:5]),
    )
    assert (late["feed"], late["reason"], late["event_key"]) == ("web_logs", "late", f"{7:032x}")
    assert (late["watermark"], late["source_partition"]) == (NOON + LIMIT + 1, 0)


def test_rule_21_a_late_row_that_comes_twice_is_late_twice_and_no_duplicate(
    line: TaskLine,
) -> None:
    line.mark(NOON + LIMIT + 1)
    line.write([web_log(7, NOON)])
    line.write([web_log(7, NOON)])
    tally = line.task.tallies["web_logs"]
    assert (tally.late, tally.duplicates) == (2, 0)


def test_a_closed_session_opens_with_a_row_and_closes_again(line: TaskLine) -> None:
    line.web(NOON)
    line.mark(NOON + GAP + 1)
    assert line.statuses() == ["closed"]
    line.web(NOON + 2)
    assert line.statuses() == ["open"]
    line.mark(NOON + GAP + 3)
    assert line.statuses() == ["closed"]
    line.close(NOON + 2)
    assert line.shown() == [Shown(NOON, NOON + 2, "final")]


def test_a_row_that_ends_no_later_leaves_a_closed_session_closed(line: TaskLine) -> None:
    line.web(NOON, NOON + GAP)
    line.mark(NOON + 2 * GAP + 1)
    (record,) = line.web(NOON + 1)
    assert (record["status"], record["revision"]) == ("closed", 3)


def test_a_closed_session_without_news_is_published_once(line: TaskLine) -> None:
    line.web(NOON)
    assert len(line.mark(NOON + GAP + 1)) == 1
    for minute in range(1, 4):
        assert line.mark(NOON + GAP + 1 + minute * MINUTE) == []


# Idle feeds


TIMEOUT = RULES.idle_timeout["live_events"]


def idle_line() -> TaskLine:
    """A session, web_logs far ahead, and Live Events silent for their timeout since time 0."""
    line = TaskLine()
    line.tick(0)
    line.web(NOON)
    line.mark(web_logs=NOON + GAP + LIMIT + 1)
    line.tick(TIMEOUT - 1)
    assert line.statuses() == ["closed"]
    line.tick(TIMEOUT)
    return line


def test_rule_18_a_feed_silent_for_its_timeout_holds_no_session_back() -> None:
    assert idle_line().statuses() == ["final"]


def test_rule_18_rows_of_a_feed_that_comes_back_behind_time_are_late() -> None:
    line = idle_line()
    line.live(NOON + GAP, NOON + GAP + 1)
    assert line.task.tallies["live_events"].late == 1
    assert line.task.watermarks.task == NOON + GAP + LIMIT + 1
    assert line.spans() == [(NOON, NOON), (NOON + GAP + 1, NOON + GAP + 1)]


def test_rule_18_a_feed_that_comes_back_is_waited_for_again() -> None:
    line = idle_line()
    line.live(NOON + 2 * GAP)
    line.mark(web_logs=NOON + 24 * HOUR)
    assert line.statuses() == ["final", "closed"]
    line.mark(live_events=NOON + 24 * HOUR)
    assert line.statuses() == ["final", "final"]


def test_rule_18_when_all_are_idle_time_stands_still() -> None:
    line = idle_line()
    stood = line.task.watermarks.task
    line.tick(TIMEOUT + 48 * HOUR)
    line.tick(TIMEOUT + 96 * HOUR)
    assert line.task.watermarks.idle == ("web_logs", "live_events")
    assert line.task.watermarks.task == stood
    line.web(NOON + GAP + 1)
    assert line.task.tallies["web_logs"].late == 0


def test_rule_18_a_restart_waits_for_every_feed_anew_and_moves_nothing_back() -> None:
    line = idle_line()
    line.host.crash()
    line.tick(0)
    assert line.task.watermarks.idle == ()
    line.mark(web_logs=NOON + 48 * HOUR)
    assert line.task.watermarks.task == NOON + GAP + LIMIT + 1


def test_the_clock_alone_closes_nothing() -> None:
    line = TaskLine()
    line.web(NOON)
    line.mark(NOON)
    for hour in range(0, 100, 5):
        line.tick(hour * HOUR)
    assert line.statuses() == ["open"]


# Logins and logouts


def test_rule_10_a_logout_closes_a_minute_after_it(line: TaskLine) -> None:
    line.live(NOON, **LOGGED_OUT)
    line.mark(web_logs=NOON + MINUTE)
    assert line.statuses() == ["open"]
    (record,) = line.mark(web_logs=NOON + MINUTE + 1)
    assert (record["status"], record["closes_at"]) == ("closed", NOON + GAP)


def test_rule_10_neither_login_nor_logout_cuts_a_session(line: TaskLine) -> None:
    line.web(NOON)
    line.live(NOON + 1, **LOGGED_OUT)
    line.live(NOON + 2, **LOGGED_IN)
    line.web(NOON + 3)
    (record,) = line.records().values()
    assert (record["start"], record["end"]) == (NOON, NOON + 3)
    assert (record["logged_out_at"], record["logged_in_at"]) == (NOON + 1, NOON + 2)


@pytest.mark.parametrize(("after", "status"), [(MINUTE, "closed"), (MINUTE + 1, "open")])
def test_rule_15_only_a_row_later_than_a_minute_after_the_logout_keeps_a_session_open(
    line: TaskLine, after: int, status: str
) -> None:
    line.live(NOON, **LOGGED_OUT)
    line.web(NOON + after)
    line.mark(web_logs=NOON + MINUTE + 1)
    assert line.statuses() == [status]
    line.mark(web_logs=NOON + after + GAP + 1)
    assert line.statuses() == ["closed"]


def test_rule_15_the_last_of_several_logouts_counts(line: TaskLine) -> None:
    line.live(NOON + 5 * MINUTE, **LOGGED_OUT)
    line.live(NOON, **LOGGED_OUT)
    line.mark(web_logs=NOON + 6 * MINUTE)
    assert line.statuses() == ["open"]
    line.mark(web_logs=NOON + 6 * MINUTE + 1)
    assert line.statuses() == ["closed"]


def test_a_logout_of_a_session_that_is_bridged_counts_for_the_whole(line: TaskLine) -> None:
    line.web(NOON)
    line.live(NOON + 2 * GAP, **LOGGED_OUT)
    line.web(NOON + GAP)
    line.mark(web_logs=NOON + 2 * GAP + MINUTE + 1)
    assert line.shown() == [Shown(NOON, NOON + 2 * GAP, "closed")]


def test_a_logout_in_the_earlier_of_two_bridged_sessions_closes_nothing(line: TaskLine) -> None:
    line.live(NOON, **LOGGED_OUT)
    line.web(NOON + 2 * GAP)
    line.web(NOON + GAP)
    line.mark(web_logs=NOON + 2 * GAP + MINUTE + 1)
    assert line.statuses() == ["open"]


def test_a_logout_before_the_first_row_moves_the_start(line: TaskLine) -> None:
    line.web(NOON)
    line.live(NOON - MINUTE, **LOGGED_OUT)
    assert line.spans() == [(NOON - MINUTE, NOON)]
    line.mark(web_logs=NOON + 1)
    assert line.statuses() == ["closed"]


def test_a_logout_closes_only_the_part_of_its_own_day(line: TaskLine) -> None:
    four = NOON + 16 * HOUR
    line.live(four - 1, **LOGGED_OUT)
    line.web(four)
    line.mark(web_logs=four + MINUTE + 1)
    assert line.statuses() == ["closed", "open"]


def test_a_logout_makes_no_session_final_any_earlier(line: TaskLine) -> None:
    line.live(NOON, **LOGGED_OUT)
    line.mark(NOON + GAP + LIMIT)
    assert line.statuses() == ["closed"]


def test_rows_without_a_session_are_counted_and_open_none(line: TaskLine) -> None:
    assert line.web(NOON, NOON + 1, session=None) == []
    assert line.task.tallies["web_logs"].without_session == 2
    assert [row["rows"] for row in line.deltas()] == [2]


def test_rule_12_no_record_of_a_session_is_ever_null(line: TaskLine) -> None:
    line.web(NOON)
    line.web(NOON + 2 * GAP)
    line.web(NOON + GAP)
    line.close(NOON + 2 * GAP)
    chunk = line.kafka.chunk(SESSIONS.name, 0, 0, line.kafka.end(SESSIONS.name, 0))
    offsets = [record["_offset"] for record in line.kafka.rows(SESSIONS.name)]
    assert len(chunk) == len(offsets)
    assert all(chunk.record(offset).value for offset in offsets)
