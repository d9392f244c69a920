"""The edges of the session rules, each by name."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import HOUR, MICROS, MINUTE, EventTimeRules
from pipeline.domain.feeds import COURSE_AUDIT, LIVE_EVENTS, WEB_LOGS
from pipeline.sessionize.sessions import Sessions
from tests.support.event_rows import Row, event_batch
from tests.support.oracle import sessions_of
from tests.support.session_run import SessionRun

RULES = EventTimeRules(allowed_lateness=HOUR)
GAP = RULES.gap
NOON = 1_700_049_600 * MICROS
BERLIN = replace(RULES, time_zone="Europe/Berlin")


def row(time: int, **fields: object) -> Row:
    """A row of one session, its key made of its time."""
    return Row(session=77, time=time, key=time)._replace(**fields)


def run_of(*rows: Row, rules: EventTimeRules = RULES) -> SessionRun:
    """Each row in a chunk and a transaction of its own."""
    run = SessionRun(rules)
    for each in rows:
        run.add([each])
        run.take()
    return run


def starts(run: SessionRun) -> list[int]:
    return sorted(start for _, start in run.current())


def statuses(run: SessionRun) -> list[str]:
    return [record["status"] for record in run.current().values()]


def finished(run: SessionRun, *rows: Row) -> bool:
    """Whether the run ends with the sessions of sort and split."""
    run.close(max(each.time for each in rows))
    return run.current() == sessions_of(rows, run.rules)


def berlin(*clock: int) -> int:
    return round(datetime(*clock, tzinfo=ZoneInfo("Europe/Berlin")).timestamp()) * MICROS  # type: ignore[arg-type]


def test_rows_exactly_a_gap_apart_are_one_session() -> None:
    assert starts(run_of(row(NOON), row(NOON + GAP))) == [NOON]
    assert starts(run_of(row(NOON + GAP), row(NOON))) == [NOON]


def test_rows_a_gap_and_a_microsecond_apart_are_two_sessions() -> None:
    rows = row(NOON), row(NOON + GAP + 1)
    assert starts(run_of(*rows)) == [NOON, NOON + GAP + 1]
    assert starts(run_of(*reversed(rows))) == [NOON, NOON + GAP + 1]


def test_a_row_bridges_two_sessions_and_the_later_identity_is_withdrawn() -> None:
    rows = row(NOON), row(NOON + 2 * GAP), row(NOON + GAP)
    run = run_of(*rows[:2])
    run.add(rows[2:])
    published = {record["start"]: record["status"] for record in run.take()}
    assert published == {NOON: "open", NOON + 2 * GAP: "withdrawn"}
    assert finished(run, *rows)


def test_one_chunk_bridges_three_sessions_at_once() -> None:
    rows = [row(NOON + i * GAP, course=i, path=f"/{i}") for i in (0, 2, 4, 1, 3)]
    run = run_of(*rows[:3])
    assert run.sessions.open == 3
    run.add(rows[3:])
    published = {record["start"]: record["status"] for record in run.take()}
    gone = dict.fromkeys((NOON + 2 * GAP, NOON + 4 * GAP), "withdrawn")
    assert published == {NOON: "open"} | gone
    assert run.sessions.open == 1
    assert finished(run, *rows)


def test_a_row_bridges_sessions_that_were_restored_in_another_order_than_theirs() -> None:
    rows = [row(NOON + i * GAP) for i in (4, 0, 2, 3)]
    run = run_of(*rows[:3])
    run.restart()
    run.add(rows[3:])
    run.take()
    assert starts(run) == [NOON, NOON + 2 * GAP]
    assert finished(run, *rows)


def test_sessions_that_vanish_before_they_were_published_are_not_withdrawn() -> None:
    run = SessionRun(RULES)
    for time in (NOON, NOON + 2 * GAP, NOON + GAP):
        run.add([row(time)])
    assert [record["status"] for record in run.take()] == ["open"]


def test_a_row_before_the_first_moves_the_start_and_withdraws_the_old_identity() -> None:
    rows = row(NOON), row(NOON - GAP)
    run = run_of(rows[0])
    run.add(rows[1:])
    published = {record["start"]: record["status"] for record in run.take()}
    assert published == {NOON - GAP: "open", NOON: "withdrawn"}
    assert finished(run, *rows)


def test_a_withdrawn_record_has_the_identity_and_no_content() -> None:
    run = run_of(row(NOON, path="/", course=1))
    run.add([row(NOON - 1)])
    record = next(each for each in run.take() if each["status"] == "withdrawn")
    assert record["session_id"] == f"{77:032x}"
    assert (record["start"], record["end"], record["version"]) == (NOON, NOON, 2)
    assert (record["revision"], record["courses"], record["entry_path"]) == (0, [], None)


def test_rows_of_equal_times_are_told_apart_by_their_keys() -> None:
    rows = [
        row(NOON, key=key, path=f"/{key}", actor=key & 0xFFFF)
        for key in (2 << 64, (1 << 127) + 1, 1 << 127, 5, 3, (1 << 64) + 1)
    ]
    for order in (rows, rows[::-1], rows[2:] + rows[:2]):
        one_by_one, at_once = run_of(*order), SessionRun(RULES)
        at_once.add(order)
        for run in (one_by_one, at_once):
            assert finished(run, *rows)
            (record,) = run.current().values()
            assert (record["entry_path"], record["exit_path"]) == ("/3", f"/{(1 << 127) + 1}")
            assert (record["actor"], record["actor_key"]) == (3, f"{3:032x}")


def test_an_activity_day_that_starts_inside_a_session_cuts_it_and_both_are_continued() -> None:
    four = NOON + 16 * HOUR
    rows = row(four - 1), row(four), row(four + GAP)
    for order in (rows, rows[::-1], (rows[1], rows[0], rows[2])):
        run = run_of(*order)
        assert starts(run) == [four - 1, four]
        assert all(record["continued"] for record in run.current().values())
        assert finished(run, *rows)


def test_days_a_gap_and_a_microsecond_apart_are_not_continued() -> None:
    four = NOON + 16 * HOUR
    run = run_of(row(four - 1), row(four + GAP))
    assert [record["continued"] for record in run.current().values()] == [False, False]


def test_a_neighbour_restored_from_the_output_is_continued_too() -> None:
    four = NOON + 16 * HOUR
    rows = row(four - 1), row(four)
    run = run_of(rows[0])
    run.restart()
    run.add(rows[1:])
    assert {record["continued"] for record in run.take()} == {True}
    assert finished(run, *rows)


def test_the_day_starts_by_the_clock_on_the_night_that_clocks_go_forward() -> None:
    two_utc = 1_711_850_400 * MICROS
    assert berlin(2024, 3, 31, 4) == two_utc
    rows = row(two_utc - 1), row(two_utc), row(two_utc + GAP), row(two_utc + HOUR)
    run = run_of(*rows, rules=BERLIN)
    assert starts(run) == [two_utc - 1, two_utc]
    assert finished(run, *rows)


def test_a_day_has_25_hours_when_clocks_go_back() -> None:
    first, last = berlin(2024, 10, 26, 4), berlin(2024, 10, 27, 4)
    assert last - first == 25 * HOUR
    rows = [row(first + i * GAP) for i in range(51)]
    run = run_of(*rows, rules=BERLIN)
    assert starts(run) == [first, last]
    assert finished(run, *rows)


def test_a_session_is_open_until_a_watermark_is_above_its_end_and_the_gap() -> None:
    run = run_of(row(NOON))
    run.advance(NOON, fastest=NOON + GAP)
    assert not run.sessions.pending()
    run.advance(NOON, fastest=NOON + GAP + 1)
    run.take()
    assert statuses(run) == ["closed"]


def test_a_session_is_final_when_no_row_in_time_can_touch_it() -> None:
    last = NOON + 2 * GAP + RULES.allowed_lateness
    run = run_of(row(NOON))
    run.advance(last)
    run.take()
    assert statuses(run) == ["closed"]
    run.advance(last + 1)
    run.take()
    assert statuses(run) == ["final"]
    assert run.sessions.open == 0


def test_a_closed_session_opens_again_with_a_row_and_closes_again() -> None:
    run = run_of(row(NOON))
    run.advance(NOON, fastest=NOON + GAP + 1)
    run.take()
    run.add([row(NOON + GAP)])
    run.take()
    assert statuses(run) == ["open"]
    run.advance(NOON, fastest=NOON + 2 * GAP + 1)
    run.take()
    assert statuses(run) == ["closed"]


def test_the_course_audit_closes_no_session() -> None:
    sessions = Sessions(RULES)
    sessions.add(WEB_LOGS, event_batch([row(NOON)]))
    sessions.advance({WEB_LOGS: NOON, COURSE_AUDIT: NOON + 10 * HOUR}, NOON)
    assert sessions.take(1)["status"].to_list() == ["open"]


def test_a_logout_closes_after_a_minute() -> None:
    run = run_of(row(NOON), row(NOON + MINUTE, login=2, feed=LIVE_EVENTS))
    run.advance(NOON, fastest=NOON + 2 * MINUTE)
    run.take()
    assert statuses(run) == ["open"]
    run.advance(NOON, fastest=NOON + 2 * MINUTE + 1)
    run.take()
    assert statuses(run) == ["closed"]
    (record,) = run.current().values()
    assert record["closes_at"] == record["end"] + GAP


def test_stragglers_within_a_minute_of_the_logout_do_not_keep_the_session_open() -> None:
    run = run_of(row(NOON, login=2), row(NOON + MINUTE))
    run.advance(NOON, fastest=NOON + MINUTE + 1)
    run.take()
    assert statuses(run) == ["closed"]


def test_a_row_later_than_that_keeps_it_open_for_the_gap() -> None:
    run = run_of(row(NOON, login=2), row(NOON + MINUTE + 1))
    run.advance(NOON, fastest=NOON + GAP + MINUTE + 1)
    run.take()
    assert statuses(run) == ["open"]
    run.advance(NOON, fastest=NOON + GAP + MINUTE + 2)
    run.take()
    assert statuses(run) == ["closed"]


def test_a_logout_that_arrives_after_the_rows_brings_the_closing_forward() -> None:
    run = run_of(row(NOON))
    run.advance(NOON, fastest=NOON + 5 * MINUTE)
    run.add([row(NOON + 1, login=2)])
    run.take()
    assert statuses(run) == ["closed"]
    run.advance(NOON, fastest=NOON + 2 * GAP)
    assert not run.sessions.pending()


def test_the_first_login_and_the_last_logout_count() -> None:
    rows = [row(NOON + i, login=login) for i, login in enumerate((1, 2, 1, 2, 0))]
    run = run_of(*reversed(rows))
    (record,) = run.current().values()
    assert (record["logged_in_at"], record["logged_out_at"]) == (NOON, NOON + 3)


def test_a_session_has_both_feeds_with_counts_of_their_own() -> None:
    rows = (
        row(NOON, status=404, duration=7, write=True, offset=3, masqueraded=True, user=5),
        row(NOON + 1, status=200, duration=5, offset=9),
        row(NOON + 2, key=NOON, feed=LIVE_EVENTS, offset=4, masqueraded=True, user=6),
    )
    run = run_of(*rows)
    (record,) = run.current().values()
    assert (record["requests"], record["events"], record["revision"]) == (2, 1, 3)
    assert (record["errors"], record["status_4xx"], record["status_other"]) == (1, 1, 0)
    assert (record["duration_sum"], record["duration_max"]) == (12, 7)
    assert (record["masqueraded_requests"], record["masqueraded_events"]) == (1, 1)
    assert set(record["masquerade_targets"]) == {5, 6}
    assert (record["web_logs_first_offset"], record["web_logs_last_offset"]) == (3, 9)
    assert (record["live_events_first_offset"], record["live_events_last_offset"]) == (4, 4)
    assert finished(run, *rows)


@pytest.mark.parametrize("size", [1, 7, 31, 32, 33, 120])
@pytest.mark.parametrize("chunk", [1, 10, 1000])
def test_a_set_is_exact_up_to_its_cap_and_keeps_the_smallest_hashes_beyond(
    size: int, chunk: int
) -> None:
    rows = [
        row(
            NOON + i,
            course=i * 13 % size,
            controller=f"controller {i * 17 % size}",
            user_agent=f"{i}",
        )
        for i in range(size * 2)
    ]
    run = SessionRun(RULES)
    for i in range(0, len(rows), chunk):
        run.add(rows[i : i + chunk])
    run.take()
    (record,) = run.current().values()
    assert record["courses_capped"] == (size > 32)
    assert len(record["courses"]) == min(size, 32)
    if size <= 32:
        assert record["courses_distinct"] == size
    assert finished(run, *rows)


def test_capped_sets_of_two_sessions_that_become_one_stay_exact() -> None:
    early = [row(NOON + i, course=i, ip=f"10.0.0.{i}") for i in range(40)]
    late = [row(NOON + 2 * GAP + i, course=20 + i, ip=f"10.0.1.{i}") for i in range(40)]
    run = SessionRun(RULES)
    run.add(early)
    run.add(late)
    run.restart()
    run.add([row(NOON + GAP)])
    assert finished(run, *early, *late, row(NOON + GAP))
    assert len(run.sessions._sets.texts) == 0


def test_many_segments_of_one_id_in_one_chunk_find_their_sessions() -> None:
    rows = [row(NOON + i * (GAP + 1) * (1 + i % 3), course=i) for i in range(200)]
    run = SessionRun(RULES)
    run.add(rows[::2])
    run.take()
    run.add(rows[1::2])
    assert finished(run, *rows)


def test_rows_of_a_feed_without_sessions_are_refused() -> None:
    with pytest.raises(OurMistake):
        Sessions(RULES).add(COURSE_AUDIT, event_batch([row(NOON)]))


def test_an_empty_batch_changes_nothing() -> None:
    sessions = Sessions(RULES)
    sessions.add(WEB_LOGS, event_batch([]))
    assert not sessions.pending()
    assert sessions.take(1).height == 0
    assert sessions.oldest_output() is None
