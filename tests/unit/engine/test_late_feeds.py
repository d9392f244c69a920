"""Feeds of very different speed, and one that stays away for a day (rules 14, 16, 18)."""

import json
from typing import Any

from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.domain.topics import LATE, REQUEST_STATS, SESSIONS
from tests.support.memory_line import RULES, MemoryLine
from tests.support.task_rows import IDS, T, live_event, web_log

DAY_H = 23
"""Hours of an outage within the patience with web_logs (24 h)."""


def requests(hours: int) -> list[dict[str, Any]]:
    """Return two requests an hour of each session."""
    return [
        web_log(10 * hour + n, T + hour * HOUR + n * MINUTE, session_id=IDS[n % 2])
        for hour in range(hours)
        for n in range(4)
    ]


def events(hours: int) -> list[dict[str, Any]]:
    """Return an event an hour of each session."""
    return [
        live_event(10 * hour + n, T + hour * HOUR + n * MINUTE, session_id=IDS[n])
        for hour in range(hours)
        for n in range(2)
    ]


def test_web_logs_hours_after_live_events_of_the_same_session_are_not_late() -> None:
    line = MemoryLine()
    line.mark_feed("web_logs", T - HOUR)
    line.write(live_event(1, T), live_event(2, T + 10 * MINUTE), live_event(3, T + 9 * HOUR))
    assert {row["status"] for row in line.kafka.rows(SESSIONS.name)} == {"open", "closed"}
    line.write(web_log(1, T + 5 * MINUTE), web_log(2, T + 20 * MINUTE))
    line.mark_feed("web_logs", T + 9 * HOUR)
    line.mark(RULES.closing(T + 9 * HOUR))
    assert line.kafka.rows(LATE.name) == []
    first, _ = sorted(line.past.latest(SESSIONS).to_dicts(), key=lambda row: row["start"])
    assert (first["requests"], first["events"], first["status"]) == (2, 2, "final")


def test_a_day_without_web_logs_and_then_the_backlog_at_once_equals_a_day_in_time() -> None:
    prompt, outage = MemoryLine(), MemoryLine()
    for line in (prompt, outage):
        line.mark_feed("web_logs", T)
    for hour in range(DAY_H):
        for line in (prompt, outage):
            line.write(*events(hour + 1)[2 * hour :])
        prompt.write(*requests(hour + 1)[4 * hour :])
        prompt.mark_feed("web_logs", T + hour * HOUR)
    outage.write(*requests(DAY_H))
    for line in (prompt, outage):
        line.mark(RULES.closing(T + DAY_H * HOUR))
    assert outage.kafka.rows(LATE.name) == []
    for topic in (SESSIONS, REQUEST_STATS):
        assert outage.past.finals(topic) == prompt.past.finals(topic)
    assert outage.task.open_sessions == 0
    assert outage.task.tallies == prompt.task.tallies


def test_during_an_outage_the_commit_says_how_far_the_feed_is_behind() -> None:
    line = MemoryLine()
    line.mark_feed("web_logs", T)
    line.write(*events(DAY_H))
    metadata = line.sessionize._metadata
    assert metadata is not None
    said = json.loads(metadata)["wm"]
    assert said["task"] == said["feed"]["web_logs"] == T
    assert said["feed"]["live_events"] > T + (DAY_H - 2) * HOUR
    assert len(metadata) < 1000


def test_during_an_outage_what_is_held_grows_with_sessions_and_not_with_rows() -> None:
    few, many = MemoryLine(), MemoryLine()
    for line, copies in ((few, 1), (many, 20)):
        line.mark_feed("web_logs", T)
        for hour in range(DAY_H):
            at = T + hour * HOUR
            line.write(*(live_event(100 * hour + n, at + n) for n in range(copies)))
    assert few.task.open_sessions == many.task.open_sessions == DAY_H
    for line in (few, many):
        line.mark_feed("web_logs", T + DAY_H * HOUR)
        assert line.task.open_sessions < DAY_H / 2


def test_an_outage_beyond_the_patience_makes_the_backlog_late_and_recompute_mends_it() -> None:
    prompt, outage = MemoryLine(), MemoryLine()
    start = 1_800_000_000_000_000
    for line in (prompt, outage):
        line.mark_feed("web_logs", T)
        line.task.tick(start)
    outage.task.tick(start + 25 * HOUR)  # web_logs hold nothing back any more
    for line in (prompt, outage):
        line.write(*events(DAY_H))
        line.run()
    outage.task.tick(start + 25 * HOUR + MINUTE)
    outage.write(*requests(DAY_H))
    prompt.write(*requests(DAY_H))
    for line in (prompt, outage):
        line.mark(RULES.closing(T + DAY_H * HOUR))
    late = outage.kafka.rows(LATE.name)
    assert 0 < len(late) == outage.task.tallies["web_logs"].late
    outage.past.recompute(outage.limit)
    for topic in (SESSIONS, REQUEST_STATS):
        assert outage.past.finals(topic) == prompt.past.finals(topic)
