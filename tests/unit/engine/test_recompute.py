"""Laws of recompute: late rows mended, twice changes nothing, restores stay right (rule 28)."""

from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.domain.event_time import HOUR, MINUTE, EventTimeRules
from pipeline.domain.feeds import FEEDS
from pipeline.domain.topics import LATE, REQUEST_STATS, SESSIONS
from pipeline.engine.recompute import Span, activity_days
from tests.support.memory_line import RULES, MemoryLine
from tests.support.past import Past
from tests.support.task_rows import IDS, T, course_audit, live_event, web_log

LIMIT = RULES.gap + RULES.allowed_lateness
FAR = RULES.closing(T + 12 * HOUR)
EVERY_FEED = EventTimeRules(feeds=FEEDS)


rows = st.lists(
    st.tuples(
        st.sampled_from(["web_logs", "live_events", "course_audit"]),
        st.integers(0, 40),
        st.sampled_from([*IDS, None]),
        st.sampled_from([200, 404, 500]),
        st.booleans(),
    ),
    min_size=1,
    max_size=30,
)


def row_of(feed: str, number: int, session: str | None, status: int) -> dict[str, Any]:
    """Return a row whose time follows from its number, so that copies of it are equal."""
    time = T + number * 7 * MINUTE
    if feed == "web_logs":
        return web_log(number, time, session_id=session, http_status=status)
    if feed == "course_audit":
        return course_audit(number, time, session_id=session)
    return live_event(number, time, session_id=session)


def in_order_and_with_late_ones(rows: list[tuple[Any, ...]]) -> tuple[MemoryLine, MemoryLine]:
    """Return a line that had all rows in time, and one to which the marked ones came late."""
    whole, torn = MemoryLine(rules=EVERY_FEED), MemoryLine(rules=EVERY_FEED)
    seen: set[tuple[str, int]] = set()
    distinct = [row for row in rows if not (row[:2] in seen or seen.add(row[:2]))]  # type: ignore[func-returns-value]
    whole.write(*(row_of(*row[:4]) for row in distinct))
    torn.write(*(row_of(*row[:4]) for row in distinct if not row[4]))
    torn.mark(FAR)
    torn.write(*(row_of(*row[:4]) for row in distinct if row[4]))
    whole.mark(FAR)
    return whole, torn


@settings(max_examples=20)
@given(rows, st.integers(1, 3))
def test_rule_28_after_recompute_a_line_with_late_rows_equals_one_that_had_them_in_time(
    rows: list[tuple[Any, ...]], hours: int
) -> None:
    whole, torn = in_order_and_with_late_ones(rows)
    torn.past.recompute(torn.limit, hours=hours)
    for topic in (SESSIONS, REQUEST_STATS):
        assert torn.past.finals(topic) == whole.past.finals(topic)


@settings(max_examples=20)
@given(rows)
def test_rule_28_recompute_twice_changes_nothing(rows: list[tuple[Any, ...]]) -> None:
    whole, torn = in_order_and_with_late_ones(rows)
    for line in (whole, torn):
        first = line.past.recompute(line.limit)
        assert all(change.losses.height == 0 for change in first)
        assert [c.records.height for c in line.past.recompute(line.limit)] == [0, 0]
    assert [c.records.height for c in whole.past.recompute(whole.limit)] == [0, 0]


@settings(max_examples=20)
@given(rows, rows)
def test_rule_13_a_restore_over_records_of_recompute_goes_on_as_if_they_were_not_there(
    rows: list[tuple[Any, ...]], more: list[tuple[Any, ...]]
) -> None:
    ends: list[list[dict[str, Any]]] = []
    for crashing in (False, True):
        _, line = in_order_and_with_late_ones(rows)
        line.past.recompute(line.limit)
        if crashing:
            line.sessionize.crash()
            line.detect.crash()
        later = [row_of(r[0], r[1] + 200, r[2], r[3]) for r in more]
        line.write(*later)
        if crashing:
            line.sessionize.crash()
            line.detect.crash()
        line.mark(FAR + 24 * HOUR)
        ends.append([*line.past.finals(SESSIONS), *line.past.finals(REQUEST_STATS)])
        assert line.detect.task.deltas > 0  # type: ignore[attr-defined]
    assert ends[0] == ends[1]


def test_rule_12_a_late_row_that_bridges_two_final_sessions_withdraws_the_second() -> None:
    line = MemoryLine(generation=2)
    line.write(web_log(1, T), web_log(2, T + 50 * MINUTE))
    line.mark(FAR)
    line.write(web_log(3, T + 25 * MINUTE))
    assert [row["event_key"] for row in line.kafka.rows(LATE.name)] == [f"{3:032x}"]
    sessions, _ = line.past.recompute(line.limit, generation=2)
    assert (sessions.new, sessions.revised, sessions.gone, sessions.losses.height) == (0, 1, 1, 0)
    found = {row["start"]: row for row in sessions.records.to_dicts()}
    assert found[T]["revision"] == 3
    assert found[T + 50 * MINUTE]["status"] == "withdrawn"
    assert {row["version"] >> 47 for row in found.values()} == {(2 << 1) | 1}


def test_rule_28_a_session_that_rows_in_time_may_still_touch_is_left_alone() -> None:
    line = MemoryLine()
    line.write(web_log(1, T), web_log(2, T + 50 * MINUTE))
    line.mark(T + 26 * MINUTE + LIMIT)
    line.write(web_log(3, T + 25 * MINUTE))  # late, but touches a session that is not final
    assert len(line.kafka.rows(LATE.name)) == 1
    sessions, stats = line.past.recompute(line.limit)
    assert (sessions.records.height, sessions.waiting) == (0, 1)
    assert set(stats.records["minute"]) == {T + 25 * MINUTE}
    line.mark(FAR)
    sessions, _ = line.past.recompute(line.limit)
    assert (sessions.revised, sessions.gone, sessions.waiting) == (1, 1, 0)


def test_rule_22_a_correction_changes_nothing_because_the_first_copy_counts() -> None:
    line = MemoryLine()
    line.write(web_log(1, T, http_status=200))
    line.write(web_log(1, T, http_status=500))
    line.mark(FAR)
    assert [c.records.height for c in line.past.recompute(line.limit)] == [0, 0]


def test_rule_22_what_was_erased_leaves_its_session_and_its_minutes() -> None:
    line = MemoryLine()
    line.write(web_log(1, T), web_log(2, T + MINUTE), web_log(3, T, session_id=IDS[1]))
    line.mark(FAR)
    kept = Past(line.kafka, RULES)
    rows = kept.rows
    kept.rows = lambda feed: rows(feed).head(1)  # type: ignore[method-assign]
    sessions, stats = kept.recompute(line.limit)
    assert (sessions.revised, sessions.gone) == (1, 1)
    assert sessions.losses.rows() == [(IDS[0], 2, 1, 1), (IDS[1], 1, 0, 1)]
    assert stats.losses.select("had", "has", "requests").rows() == [(2, 1, 1), (1, 0, 1)]
    remaining = line.past.latest(REQUEST_STATS).filter(pl.col("dimension") == "all")
    assert dict(zip(remaining["minute"], remaining["rows"], strict=True)) == {T: 1, T + MINUTE: 0}
    assert line.past.latest(SESSIONS)["revision"].to_list() == [1]
    assert [c.records.height for c in kept.recompute(line.limit)] == [0, 0]


def test_rule_19_a_row_with_an_impossible_time_stays_out_and_is_counted_by_its_reason() -> None:
    line = MemoryLine()
    line.write(web_log(1, T), web_log(2, 900_000_000_000_000))
    line.mark(FAR)
    line.write(web_log(3, T + MINUTE))
    tally = line.sessionize.task.tallies["web_logs"]  # type: ignore[attr-defined]
    assert (tally.late, tally.misdated) == (2, 1)
    sessions, _ = line.past.recompute(line.limit)
    assert (sessions.new, sessions.revised) == (0, 1)


def test_rule_9_recompute_reads_whole_activity_days() -> None:
    rules = EventTimeRules(time_zone="America/New_York")
    days = activity_days(rules, Span(T, T + 1))
    assert len(days) == 1
    assert days[0].start <= T < days[0].end
    assert [day.end for day in activity_days(rules, Span(T, T + 24 * HOUR))] == [
        days[0].end,
        days[0].end + 24 * HOUR,
    ]
