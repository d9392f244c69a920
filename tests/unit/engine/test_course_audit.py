"""Course Audit events are a feed of signals: in minutes, in no session, with their own time."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.app.rule_files import read_rules
from pipeline.detect.detection import Detection
from pipeline.domain.event_time import HOUR, MINUTE, EventTimeRules
from pipeline.domain.feeds import COURSE_AUDIT, FEEDS, LIVE_EVENTS, WEB_LOGS
from pipeline.domain.topics import ANOMALIES, REQUEST_STATS, SESSIONS
from pipeline.engine.sessionize_task import INPUTS
from tests.support.memory_line import MemoryLine
from tests.support.task_line import TaskLine
from tests.support.task_rows import IDS, T, course_audit, feed_of, live_event, mark, web_log

RULES = EventTimeRules(feeds=FEEDS)
FAR = RULES.closing(T + 12 * HOUR)
DAY = 24 * HOUR
SHIPPED = Path(__file__).parents[3] / "rules"


def test_audit_events_are_counted_in_their_minute_and_are_in_no_session() -> None:
    line = TaskLine(RULES)
    line.web(T)
    line.audit(T, T + 1, user_id=9, page_view_id="c" * 36)
    (record,) = line.records().values()
    assert record["revision"] == 1
    tally = line.task.tallies[COURSE_AUDIT]
    assert (tally.consumed, tally.in_sessions, tally.without_session) == (2, 0, 2)
    (delta,) = line.deltas("audit_change")
    assert (delta["feed"], delta["key"], delta["rows"]) == (COURSE_AUDIT, "deleted#9", 2)
    assert delta["members"] == ["2", "3"]
    assert (delta["sample_request_ids"], delta["sample_session_ids"]) == (["c" * 36], [IDS[0]])
    assert (delta["errors"], delta["writes"], delta["status_other"]) == (0, 0, 0)


def test_rule_18_an_audit_feed_that_is_not_configured_is_neither_read_nor_waited_for() -> None:
    line = TaskLine()
    line.audit(T)
    line.mark(FAR)
    assert COURSE_AUDIT not in line.task.tallies
    assert line.task.watermarks.task == FAR


def test_rule_14_audit_events_are_late_by_the_slowest_feed_and_kept() -> None:
    line = TaskLine(RULES)
    line.mark(FAR, course_audit=T)
    line.audit(T)
    assert not line.late()
    line.mark(course_audit=FAR)
    line.audit(T + 1)
    (late,) = line.late()
    assert (late["feed"], late["reason"], late["event_time"]) == (COURSE_AUDIT, "late", T + 1)
    assert late["source_topic"] == INPUTS[COURSE_AUDIT].name


def test_rule_16_audit_events_move_no_watermark_their_marks_do() -> None:
    line = TaskLine(RULES)
    line.mark(web_logs=FAR, live_events=FAR)
    line.audit(T + DAY)
    assert line.task.watermarks.task is None
    line.mark(course_audit=T)
    assert line.task.watermarks.task == T


def test_rule_18_an_idle_audit_feed_holds_nothing_back() -> None:
    line = TaskLine(RULES)
    line.tick(0)
    line.mark(web_logs=FAR, live_events=FAR)
    for hours in range(1, 25):
        line.tick(hours * HOUR)
        line.mark(web_logs=FAR, live_events=FAR)
    assert line.task.watermarks.idle == (COURSE_AUDIT,)
    assert line.task.watermarks.task == FAR


def test_rule_21_an_audit_event_counts_once_across_a_crash() -> None:
    line = TaskLine(RULES, restarts=True)
    for _ in range(2):
        line.write([course_audit(1, T)])
    assert line.task.tallies[COURSE_AUDIT].duplicates == 1
    assert sum(delta["rows"] for delta in line.deltas("audit_change")) == 1


def test_a_running_installation_may_take_the_feed_up() -> None:
    line = TaskLine()
    line.web(T)
    line.mark(T + HOUR)
    line.kafka.write(INPUTS[COURSE_AUDIT].name, 0, [course_audit(1, T + HOUR)])
    line.rules = RULES
    line.host.crash()
    line.commit()
    assert line.task.watermarks.task == T + HOUR
    assert line.task.tallies[COURSE_AUDIT].without_session == 1
    line.mark(FAR)
    assert line.statuses() == ["final"]


@st.composite
def audited(draw: st.DrawFn) -> dict[str, Any]:
    number = draw(st.integers(0, 40))
    feed = draw(st.sampled_from(FEEDS))
    time = T + number * 7 * MINUTE
    if feed == WEB_LOGS:
        return web_log(number, time)
    if feed == LIVE_EVENTS:
        return live_event(number, time)
    # What a copy says follows from its number.
    kind = ("deleted", "concluded", "claimed", "reset_to", "updated")[number % 5]
    return course_audit(number, time, event_type=kind, user_id=number % 3 or None)


def results(line: MemoryLine) -> list[list[dict[str, Any]]]:
    return [line.past.finals(SESSIONS), line.past.finals(REQUEST_STATS)]


def filled(chunks: Sequence[Sequence[dict[str, Any]]], *, crashes: bool) -> MemoryLine:
    """Return a line that got rows of all feeds in these chunks."""
    line = MemoryLine(rules=RULES)
    for chunk in chunks:
        for feed in FEEDS:
            own = [row for row in chunk if feed_of(row) == feed]
            if own:
                line.kafka.write(INPUTS[feed].name, 0, own)
        line.run()
        if crashes:
            line.sessionize.crash()
            line.detect.crash()
    line.mark(FAR)
    return line


@settings(max_examples=25)
@given(
    st.lists(audited(), min_size=1, max_size=30),
    st.lists(st.integers(0, 30), max_size=4),
    st.randoms(use_true_random=False),
    st.booleans(),
)
def test_rule_27_no_chunks_no_interleaving_of_three_feeds_and_no_crash_changes_results(
    rows: list[dict[str, Any]],
    cuts: list[int],
    order: Any,
    crashes: bool,  # noqa: FBT001 - drawn
) -> None:
    whole = filled([rows], crashes=False)
    shuffled = list(rows)
    order.shuffle(shuffled)
    bounds = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    torn = filled(
        [shuffled[start:end] for start, end in pairwise(bounds)],
        crashes=crashes,
    )
    assert results(torn) == results(whole)
    found = {(s["feed"], s["status"]) for s in whole.past.latest(REQUEST_STATS).to_dicts()}
    assert found == {(feed_of(row), "final") for row in rows}


def test_rule_20_minutes_of_the_audit_close_by_its_own_watermark() -> None:
    line = MemoryLine(rules=RULES)
    line.write(course_audit(1, T), web_log(1, T), live_event(1, T))
    line.mark_feed(WEB_LOGS, T)
    line.mark_feed(LIVE_EVENTS, T)
    line.kafka.publish(mark(COURSE_AUDIT, T + HOUR))
    line.run()
    statuses = {(s["feed"], s["status"]) for s in line.past.latest(REQUEST_STATS).to_dicts()}
    assert statuses == {(WEB_LOGS, "open"), (LIVE_EVENTS, "open"), (COURSE_AUDIT, "closed")}
    assert not line.kafka.rows(ANOMALIES.name)


def told(*rows: dict[str, Any]) -> set[tuple[str, str]]:
    """Return rule and key of what the shipped rules say of audit events in the end."""
    rules = [rule for rule in read_rules(SHIPPED) if COURSE_AUDIT in getattr(rule, "feeds", ())]
    line = MemoryLine(rules=RULES, detection=lambda: Detection(rules))
    line.write(web_log(1, T - HOUR), live_event(1, T - HOUR), *rows)
    line.mark(FAR)
    last = {row["episode"]: row for row in line.kafka.rows(ANOMALIES.name)}
    return {(row["rule"], row["key"]) for row in last.values() if row["status"] != "retracted"}


def test_what_the_audit_log_alone_says_reaches_the_shipped_rules() -> None:
    opened = [
        course_audit(
            number,
            T + number * MINUTE,
            event_type="updated",
            event_data='{"is_public":[null,true]}',
        )
        for number in range(10)
    ]
    reset = [
        course_audit(number, T + number * MINUTE, event_type="reset_to", user_id=9)
        for number in range(20, 30)
    ]
    assert told(*opened, *reset) == {
        ("course_made_public", "made_public#7"),
        ("course_destruction", "reset#9"),
    }


def test_an_import_that_concludes_a_term_is_told_of_by_no_shipped_rule() -> None:
    assert not told(
        *(
            course_audit(
                number, T + number * 10_000_000, event_type="concluded", event_source="sis"
            )
            for number in range(60)
        )
    )
