"""Laws of the tasks: cuts, commits and crashes change nothing; no row is lost (rules 13 to 23)."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detect.detection import Detection
from pipeline.domain.event_time import HOUR, MINUTE, EventTimeRules
from pipeline.domain.feeds import KEY_COLUMN, TIME_COLUMN, Feed
from pipeline.domain.topics import (
    COMPLETENESS,
    DEAD_LETTERS,
    LATE,
    LIVE_EVENTS,
    REQUEST_DELTAS,
    REQUEST_STATS,
    SESSIONS,
    WEB_LOGS,
)
from pipeline.engine.detect_task import DetectTask
from pipeline.engine.sessionize_task import INPUTS, SessionizeTask
from pipeline.engine.stage import Block
from tests.support.added_up import added_up
from tests.support.memory_kafka import SCHEMAS, MemoryHost, MemoryKafka
from tests.support.task_line import TaskLine
from tests.support.task_rows import IDS, T, live_event, mark, web_log

RULES = EventTimeRules()


def sessionize() -> SessionizeTask:
    return SessionizeTask(0, RULES, SCHEMAS)


def detect() -> DetectTask:
    return DetectTask(RULES, Detection([]), SCHEMAS, partitions=1)


def content(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out what two equal runs may differ in."""
    return {k: v for k, v in row.items() if k not in {"version", "_offset", "sequence"}}


def finals(kafka: MemoryKafka, topic: str) -> list[dict[str, Any]]:
    rows = [content(row) for row in kafka.rows(topic) if row["status"] == "final"]
    return sorted(rows, key=str)


minutes = st.integers(0, 40)
rows = st.lists(
    st.tuples(
        st.sampled_from(["web_logs", "live_events"]),
        st.integers(0, 25),  # number: a repeated one is a duplicate
        minutes,
        st.sampled_from([*IDS, None]),
        st.sampled_from([200, 404, 500]),
    ),
    min_size=1,
    max_size=40,
)
moves = st.lists(
    st.tuples(st.sampled_from(["web", "live", "commit", "crash"]), st.integers(1, 9)), max_size=25
)


def published(rows: list[tuple[Any, ...]]) -> MemoryKafka:
    kafka = MemoryKafka()
    for feed, number, minute, session, status in rows:
        # The time follows from the number, so that copies of a row are equal.
        time = T + (number * 7 + minute // 40) * MINUTE
        if feed == "web_logs":
            row = web_log(number, time, session_id=session, http_status=status)
            kafka.write(WEB_LOGS.name, 0, [row])
        else:
            kafka.write(LIVE_EVENTS.name, 0, [live_event(number, time, session_id=session)])
    closing = RULES.closing(T + 30 * 7 * MINUTE)
    kafka.publish(mark("web_logs", closing))
    kafka.publish(mark("live_events", closing))
    return kafka


def run(kafka: MemoryKafka, moves: list[tuple[str, int]]) -> MemoryHost:
    host = MemoryHost(kafka, sessionize)
    # The marks that close the day come last in each topic and must not be read before the rows of
    # the other feed: a row is late only if the day was closed over it.
    last = {topic: kafka.end(topic, 0) - 2 for topic in host.task.inputs}
    for move, size in moves:
        if move == "commit":
            host.commit()
        elif move == "crash":
            host.crash()
        else:
            topic = WEB_LOGS.name if move == "web" else LIVE_EVENTS.name
            host.step(topic, min(size, last[topic] - host._next[topic]))
    for topic in host.task.inputs:
        host.step(topic, last[topic] - host._next[topic])
    host.finish()
    return host


@settings(max_examples=25)
@given(rows, moves)
def test_no_cut_commit_or_crash_changes_sessions_and_statistics(
    rows: list[tuple[Any, ...]], moves: list[tuple[str, int]]
) -> None:
    quiet, wild = published(rows), published(rows)
    run(quiet, [])
    run(wild, moves)
    assert finals(wild, SESSIONS.name) == finals(quiet, SESSIONS.name)
    for kafka in (quiet, wild):
        detecting = MemoryHost(kafka, detect)
        for move, size in moves:
            if move == "crash":
                detecting.crash()
            elif move == "commit":
                detecting.commit()
            else:
                detecting.step(REQUEST_DELTAS.name, size)
        detecting.finish()
    assert finals(wild, REQUEST_STATS.name) == finals(quiet, REQUEST_STATS.name)


@settings(max_examples=25)
@given(rows, moves)
def test_every_consumed_row_is_in_a_session_or_counted_elsewhere(
    rows: list[tuple[Any, ...]], moves: list[tuple[str, int]]
) -> None:
    kafka = published(rows)
    host = run(kafka, moves)
    task = host.task
    assert isinstance(task, SessionizeTask)
    for feed in ("web_logs", "live_events"):
        tally = task.tallies[feed]  # type: ignore[index]
        assert tally.balanced()
        assert tally.consumed == sum(row[0] == feed for row in rows)
    held = sum(row["requests"] + row["events"] for row in finals(kafka, SESSIONS.name))
    assert held == sum(tally.in_sessions for tally in task.tallies.values())
    assert task.open_sessions == 0


@settings(max_examples=15)
@given(rows, moves)
def test_copies_are_counted_once_however_they_are_cut_and_in_one_record_an_hour_of_a_commit(
    rows: list[tuple[Any, ...]], moves: list[tuple[str, int]]
) -> None:
    kafka = published(rows)
    run(kafka, moves)
    copies: Counter[tuple[str, int]] = Counter()
    feeds: tuple[Feed, ...] = ("web_logs", "live_events")
    for feed in feeds:
        seen: set[str] = set()
        for row in kafka.rows(INPUTS[feed].name):
            key, time = row[KEY_COLUMN[feed]], row[TIME_COLUMN[feed]]
            copies[feed, time // HOUR * HOUR] += key in seen
            seen.add(key)
    records = kafka.rows(COMPLETENESS.name)
    counted = {hour: here["duplicates"] for hour, here in added_up(records).items()}
    assert counted == +copies
    # A hole is behind every block: so records of one commit have offsets without one.
    places = [(r["_offset"] - i, r["feed"], r["start"]) for i, r in enumerate(records)]
    assert len(places) == len(set(places))


@settings(max_examples=25)
@given(rows, moves)
def test_versions_only_grow_and_an_identity_comes_once_a_transaction(
    rows: list[tuple[Any, ...]], moves: list[tuple[str, int]]
) -> None:
    kafka = published(rows)
    run(kafka, moves)
    versions: dict[tuple[str, int], int] = {}
    for row in kafka.rows(SESSIONS.name):
        identity = row["session_id"], row["start"]
        assert row["version"] > versions.get(identity, -1)
        versions[identity] = row["version"]


def late_case(*blocks: Callable[[MemoryKafka], None]) -> tuple[MemoryKafka, SessionizeTask]:
    kafka = MemoryKafka()
    host = MemoryHost(kafka, sessionize)
    for block in blocks:
        block(kafka)
        for topic in host.task.inputs:
            host.step(topic, 1 << 40)
    host.commit()
    assert isinstance(host.task, SessionizeTask)
    return kafka, host.task


LIMIT = RULES.gap + RULES.allowed_lateness


def marks_at(at: int) -> Callable[[MemoryKafka], None]:
    def publish(kafka: MemoryKafka) -> None:
        kafka.publish(mark("web_logs", at))
        kafka.publish(mark("live_events", at))

    return publish


def test_rule_14_a_row_at_the_limit_is_in_time_and_one_microsecond_before_it_is_late() -> None:
    kafka, task = late_case(
        marks_at(T + LIMIT),
        lambda k: k.write(WEB_LOGS.name, 0, [web_log(1, T), web_log(2, T - 1)]),
    )
    assert task.tallies["web_logs"].in_sessions == 1
    (late,) = kafka.rows(LATE.name)
    assert (late["reason"], late["event_key"]) == ("late", f"{2:032x}")
    assert late["source_topic"] == WEB_LOGS.name
    assert late["value"] == kafka.chunk(WEB_LOGS.name, 0, 0, 99).record(late["source_offset"]).value


def test_rule_16_a_chunk_is_judged_against_the_watermark_before_it() -> None:
    def together(kafka: MemoryKafka) -> None:
        kafka.publish(mark("live_events", T + LIMIT + HOUR))
        kafka.publish(mark("web_logs", T + LIMIT + HOUR))
        kafka.write(WEB_LOGS.name, 0, [web_log(1, T)])

    _, task = late_case(together)
    assert task.tallies["web_logs"].late == 0


def test_rule_19_a_row_of_the_future_or_before_2000_is_late_and_moves_no_watermark() -> None:
    future, past = 1_800_000_000_000_000 + HOUR + 1, 946_684_800_000_000 - 1
    kafka, task = late_case(
        lambda k: k.write(
            LIVE_EVENTS.name, 0, [live_event(1, T), live_event(2, future), live_event(3, past)]
        )
    )
    assert task.watermarks.feeds["live_events"] == T - 2 * MINUTE
    assert [row["reason"] for row in kafka.rows(LATE.name)] == ["time", "time"]


def test_rule_21_a_repeated_event_key_is_dropped_and_counted_even_after_a_crash() -> None:
    kafka = MemoryKafka()
    kafka.write(WEB_LOGS.name, 0, [web_log(1, T), web_log(1, T, http_status=500)])
    host = MemoryHost(kafka, sessionize)
    host.finish()
    host.crash()
    kafka.write(WEB_LOGS.name, 0, [web_log(1, T)])
    host.finish()
    assert isinstance(host.task, SessionizeTask)
    assert host.task.tallies["web_logs"].duplicates == 2
    assert host.task.tallies["web_logs"].in_sessions == 1


@pytest.mark.parametrize("second", [T + MINUTE, T + HOUR, T + 6 * HOUR])
def test_rule_21_a_crash_changes_nothing_about_a_key_whose_first_row_is_past_the_limit(
    second: int,
) -> None:
    """The first row's key is let go; one that came again within the limit is held on."""
    tallies = []
    for restarts in (False, True):
        line = TaskLine(restarts=restarts)
        line.write([web_log(1, T)])
        line.write([web_log(1, second)])
        line.mark(T + 6 * HOUR)
        line.write([web_log(1, T + 6 * HOUR)])
        line.write([web_log(1, T + 6 * HOUR + 1)])
        tallies.append(line.task.tallies["web_logs"])
    assert tallies[0] == tallies[1]
    assert tallies[0].in_sessions == (2 if second < T + HOUR else 1)


def test_rule_21_an_idle_feed_that_moves_the_limit_lets_keys_go_as_a_crash_does() -> None:
    tallies = []
    for crash in (False, True):
        line = TaskLine()
        line.tick(0)
        line.write([web_log(1, T)])
        line.mark(web_logs=T + 6 * HOUR)
        line.tick(HOUR)
        if crash:
            line.host.crash()
        line.write([web_log(1, T + 6 * HOUR)])
        tallies.append(line.task.tallies["web_logs"])
    assert tallies[0] == tallies[1]
    assert tallies[0].in_sessions == 2


@pytest.mark.parametrize("crash", [False, True])
def test_rule_13_a_transaction_holds_no_more_sessions_than_it_may_and_the_next_ones_the_rest(
    *, crash: bool
) -> None:
    """Many sessions that become final at once; those left over survive a crash as live ones."""
    kafka = MemoryKafka()
    host = MemoryHost(kafka, lambda: SessionizeTask(0, RULES, SCHEMAS, sessions_at_once=30))
    for n in range(100):
        kafka.write(WEB_LOGS.name, 0, [web_log(n, T, session_id=f"{n + 1:032x}")])
        host.step(WEB_LOGS.name, 9)
        host.commit()
    before = kafka.rows(SESSIONS.name)[-1]["version"]
    for feed in RULES.feeds:
        kafka.publish(mark(feed, RULES.closing(T)))
    for topic in host.task.inputs:
        host.step(topic, 9)
    sizes, more = [], True
    while more:
        more = host.commit()
        state = json.loads(host._metadata or "")
        assert state["more"] == more
        if crash:
            host.crash()
        versions = [row["version"] for row in kafka.rows(SESSIONS.name)]
        sizes.append(sum(version == max(versions) for version in versions))
    assert sizes == [30, 30, 30, 10]
    last = [row for row in kafka.rows(SESSIONS.name) if row["version"] > before]
    assert {row["status"] for row in last} == {"final"}
    assert len({row["session_id"] for row in last}) == len(last) == 100
    task = host.task
    assert isinstance(task, SessionizeTask)
    assert (task.open_sessions, task.flush()) == (0, None)


def test_rule_13_sessions_that_got_rows_are_published_whatever_waits() -> None:
    kafka = MemoryKafka()
    host = MemoryHost(kafka, lambda: SessionizeTask(0, RULES, SCHEMAS, sessions_at_once=10))
    ids = [f"{n + 1:032x}" for n in range(50)]
    kafka.write(WEB_LOGS.name, 0, [web_log(n, T, session_id=each) for n, each in enumerate(ids)])
    host.finish()
    for feed in RULES.feeds:
        kafka.publish(mark(feed, T + 2 * RULES.gap))
    for topic in host.task.inputs:
        host.step(topic, 9)
    again = [web_log(99 + n, T + 1, session_id=each) for n, each in enumerate(ids[5:])]
    kafka.write(WEB_LOGS.name, 0, again)
    host.step(WEB_LOGS.name, 99)
    assert host.commit()
    host.crash()
    host.finish()
    latest = {row["session_id"]: row for row in kafka.rows(SESSIONS.name)}
    assert [latest[each]["revision"] for each in ids] == [1] * 5 + [2] * 45
    assert {row["status"] for row in latest.values()} == {"closed"}


def test_rule_5_a_row_without_an_event_key_is_dead_and_moves_no_watermark() -> None:
    line = TaskLine(EventTimeRules(feeds=("web_logs",), out_of_orderness={"web_logs": 0}))
    line.web(T)
    before = line.task.watermarks.snapshot()
    line.web(T + 9 * HOUR, id="no key")
    assert line.task.tallies["web_logs"].dead == 1
    assert line.task.watermarks.snapshot() == before
    line.web(T + 1)
    assert line.task.watermarks.task == T + 1


def test_rule_23_a_record_nobody_can_decode_is_a_dead_letter_and_costs_its_neighbours_nothing() -> (
    None
):
    def with_a_broken_one(kafka: MemoryKafka) -> None:
        kafka.write(WEB_LOGS.name, 0, [web_log(1, T)])
        good = kafka.chunk(WEB_LOGS.name, 0, 0, 9).record(0).value
        assert good is not None
        values = pa.array([good[:-9], b"nonsense"], pa.binary())
        kafka.publish(Block(WEB_LOGS.name, 0, values, values))

    kafka, task = late_case(with_a_broken_one)
    assert task.tallies["web_logs"].dead == 2
    assert task.tallies["web_logs"].in_sessions == 1
    assert {row["source"] for row in kafka.rows(DEAD_LETTERS.name)} == {"sessionize"}


def test_a_task_that_got_nothing_flushes_nothing() -> None:
    task = sessionize()
    task.tick(0)
    assert task.flush() is None
