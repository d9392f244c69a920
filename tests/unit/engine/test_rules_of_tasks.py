"""Sentences of docs/semantics.md that a whole task keeps and no other test states."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.codecs.avro import ColumnEncoder
from pipeline.codecs.chunk import Chunk
from pipeline.codecs.flat_schema import dtypes
from pipeline.detect.detection import Detection
from pipeline.domain.event_time import HOUR, MINUTE, EventTimeRules
from pipeline.domain.feeds import FEEDS
from pipeline.domain.topics import (
    DEAD_LETTERS,
    LATE,
    REQUEST_DELTAS,
    REQUEST_STATS,
    SESSIONS,
    WEB_LOGS,
    Topic,
)
from pipeline.engine.detect_task import DetectTask
from pipeline.engine.replay import Replay
from pipeline.engine.sessionize_task import INPUTS, REPUBLISH_AFTER, SessionizeTask
from pipeline.engine.stage import Block, Flush, MarkBlock
from tests.support.memory_kafka import SCHEMAS, MemoryHost, MemoryKafka
from tests.support.task_line import TOPIC, TaskLine
from tests.support.task_reference import Raw, raw_rows, time_of
from tests.support.task_rows import IDS, T, feed_of, live_event, mark, web_log

RULES = EventTimeRules()
LIMIT = RULES.gap + RULES.allowed_lateness
START = T // MINUTE * MINUTE
CLASSES = ("status_1xx", "status_2xx", "status_3xx", "status_4xx", "status_5xx", "status_other")


def test_rule_3_acting_as_others_without_a_session_is_counted_for_whoever_acts() -> None:
    line = TaskLine()
    line.web(T, T + 1, session=None, user_id=8, real_user_id=9)
    line.web(T, session=None, user_id=9, real_user_id=9)
    (delta,) = line.deltas("masquerader")
    assert (delta["key"], delta["rows"], delta["members"]) == ("9", 2, ["8"])


def test_rule_4_sessions_and_late_rows_go_to_the_partition_that_was_read_and_deltas_to_one() -> (
    None
):
    line = TaskLine(partition=3)
    line.mark(T + LIMIT)
    line.web(T, T - 1)
    ends = {
        topic.name: [number for number in range(5) if line.kafka.end(topic.name, number)]
        for topic in (SESSIONS, LATE, REQUEST_DELTAS)
    }
    assert ends == {SESSIONS.name: [3], LATE.name: [3], REQUEST_DELTAS.name: [0]}
    assert {delta["partition"] for delta in line.deltas()} == {3}


def test_rule_5_the_same_key_of_two_rows_is_one_row_whatever_else_they_say() -> None:
    line = TaskLine()
    line.write([web_log(1, T, id="0000000A-0000-0000-0000-00000000000b")])
    line.write([web_log(1, T, id="0000000a-0000-0000-0000-00000000000B", http_status=500)])
    assert line.task.tallies["web_logs"].duplicates == 1
    (record,) = line.records().values()
    assert record["errors"] == 0


@pytest.mark.parametrize(
    ("status", "where"),
    [
        (-1, "status_other"),
        (0, "status_other"),
        (99, "status_other"),
        (100, "status_1xx"),
        (199, "status_1xx"),
        (200, "status_2xx"),
        (302, "status_3xx"),
        (399, "status_3xx"),
        (400, "status_4xx"),
        (499, "status_4xx"),
        (500, "status_5xx"),
        (520, "status_5xx"),
        (599, "status_5xx"),
        (600, "status_other"),
        (999, "status_other"),
    ],
)
def test_rule_6_a_status_is_of_one_class_and_an_error_from_400(status: int, where: str) -> None:
    line = TaskLine()
    line.web(T, http_status=status, interaction_micros=-7)
    (record,), (delta,) = line.records().values(), line.deltas()
    for found in (record, delta):
        assert {name: found[name] for name in CLASSES} == dict.fromkeys(CLASSES, 0) | {where: 1}
        assert found["errors"] == (status >= 400)
        assert (found["duration_sum"], found["duration_max"]) == (0, 0)


def test_rule_6_events_are_no_requests_and_are_counted_apart() -> None:
    line = TaskLine()
    line.live(T, http_method="POST")
    line.web(T, http_status=404)
    (record,) = line.records().values()
    assert (record["requests"], record["events"], record["errors"]) == (1, 1, 1)
    assert sum(record[name] for name in CLASSES) == 1
    counted = {delta["feed"]: (delta["rows"], delta["errors"]) for delta in line.deltas()}
    assert counted == {"live_events": (1, 0), "web_logs": (1, 1)}


def test_rule_7_a_row_is_of_the_minute_of_its_own_time() -> None:
    line = TaskLine(EventTimeRules(time_zone="Asia/Kathmandu"))
    line.web(START - 1, START, START + MINUTE - 1, START + MINUTE)
    counted = {delta["minute"]: delta["rows"] for delta in line.deltas()}
    assert counted == {START - MINUTE: 1, START: 2, START + MINUTE: 1}


def test_rule_7_hosts_are_of_live_events_and_actions_of_web_logs() -> None:
    line = TaskLine()
    line.live(T, hostname="canvas.example.edu")
    line.web(T, web_application_controller="files", web_application_action="show")
    for dimension, feed, key in (
        ("host", "live_events", "canvas.example.edu"),
        ("controller_action", "web_logs", "files#show"),
    ):
        (delta,) = line.deltas(dimension)
        assert (delta["feed"], delta["key"]) == (feed, key)


@settings(max_examples=20)
@given(st.permutations(range(1, 7)), st.lists(st.integers(1, 3), max_size=6))
def test_rule_11_of_rows_of_one_time_the_smallest_key_is_first_and_the_largest_last(
    keys: list[int], sizes: list[int]
) -> None:
    line, left = TaskLine(), [web_log(key, T, url=f"/{key}", user_id=key) for key in keys]
    for size in sizes:
        line.write(left[:size])
        left = left[size:]
    line.write(left)
    (record,) = line.records().values()
    assert (record["entry_path"], record["exit_path"], record["actor"]) == ("/1", "/6", 1)


@settings(max_examples=10)
@given(st.permutations(range(60)), st.integers(1, 59))
def test_rule_11_a_set_beyond_its_cap_keeps_the_same_members_in_every_order(
    numbers: list[int], cut: int
) -> None:
    given, sorted_once = TaskLine(), TaskLine()
    rows = [web_log(n, T + n, course_id=n, user_agent=f"agent {n}") for n in range(60)]
    given.write(rows[n] for n in numbers[:cut])
    given.write(rows[n] for n in numbers[cut:])
    sorted_once.write(rows)
    (one,), (other,) = given.records().values(), sorted_once.records().values()
    for name in ("courses", "user_agents"):
        assert (len(one[name]), one[f"{name}_capped"]) == (32, True)
        for field in (name, f"{name}_capped", f"{name}_distinct"):
            assert one[field] == other[field]


def test_rule_13_the_revision_is_the_number_of_rows_of_both_feeds() -> None:
    line = TaskLine()
    line.web(T, T + 1)
    line.live(T)
    line.web(T + 2 * RULES.gap)
    line.web(T + RULES.gap + 1)
    (record,) = line.records().values()
    assert record["revision"] == 5


def test_rule_13_the_sequence_grows_by_one_with_every_transaction_and_outlives_a_crash() -> None:
    line = TaskLine(restarts=True)
    versions = [record["version"] for n in range(6) for record in line.web(T + n)]
    assert [later - earlier for earlier, later in pairwise(versions)] == [1] * 5
    line.mark(T)  # a transaction without a session
    (record,) = line.web(T + 9)
    assert record["version"] == versions[-1] + 2


def test_rule_13_an_identity_is_published_once_however_many_chunks_touch_it() -> None:
    line = TaskLine()
    for n in range(5):
        line.kafka.write(WEB_LOGS.name, 0, [web_log(n, T + n)])
        line.host.step(WEB_LOGS.name, 2)
    line.host.task.tick(0)
    (record,) = line.commit()
    assert record["revision"] == 5


def test_rule_15_a_session_whose_record_lies_a_million_back_is_published_again() -> None:
    """And after that a restore needs nothing older than the new record."""
    kafka, task = MemoryKafka(), SessionizeTask(0, RULES, SCHEMAS)

    def commit(first_offset: int, *rows: dict[str, Any]) -> tuple[list[str], int]:
        start = kafka.end(WEB_LOGS.name, 0)
        kafka.write(WEB_LOGS.name, 0, rows)
        task.add(kafka.chunk(WEB_LOGS.name, 0, start, kafka.end(WEB_LOGS.name, 0)))
        flush = task.flush()
        assert flush is not None
        task.delivered([first_offset for _ in flush.blocks])
        return published(flush), json.loads(flush.metadata)["out"]

    quiet, busy = web_log(1, T, session_id=IDS[0]), [web_log(n, T + n) for n in range(2, 9)]
    busy = [row | {"session_id": IDS[1]} for row in busy]
    assert commit(10, quiet) == ([IDS[0]], 0)
    assert commit(REPUBLISH_AFTER, busy[0]) == ([IDS[1]], 10)
    assert commit(REPUBLISH_AFTER + 10, busy[1]) == ([IDS[1]], 10)
    assert commit(REPUBLISH_AFTER + 11, busy[2]) == ([IDS[1]], 10)
    again, _ = commit(REPUBLISH_AFTER + 20, busy[3])
    assert sorted(again) == [IDS[0], IDS[1]]
    after, oldest = commit(REPUBLISH_AFTER + 30, busy[4])
    assert after == [IDS[1]]
    assert oldest >= REPUBLISH_AFTER + 20


def published(flush: Flush) -> list[str]:
    """Session ids of the session records of a flush."""
    kafka = MemoryKafka()
    for block in flush.blocks:
        kafka.publish(block)
    return [row["session_id"] for row in kafka.rows(SESSIONS.name)]


times = st.integers(T - 4 * HOUR, T + 12 * HOUR)


@settings(max_examples=25)
@given(st.lists(times, min_size=1, max_size=12))
def test_rule_16_no_row_is_judged_more_strictly_in_a_chunk_than_alone(instants: list[int]) -> None:
    together, alone = TaskLine(), TaskLine()
    for line in (together, alone):
        line.mark(web_logs=T + 12 * HOUR)
    together.live(*instants)
    for instant in instants:
        alone.live(instant)
    late_together = {row["event_key"] for row in together.late()}
    assert late_together <= {row["event_key"] for row in alone.late()}
    assert together.task.watermarks.task == alone.task.watermarks.task


def test_rule_20_a_minute_is_restated_with_a_higher_version_on_every_later_row() -> None:
    line = TaskLine()
    detect = MemoryHost(line.kafka, lambda: DetectTask(RULES, Detection([]), SCHEMAS, partitions=1))
    found = []
    for n in range(3):
        line.web(START + n)
        line.mark(START + n * HOUR)
        detect.finish()
        rows = line.kafka.rows(REQUEST_STATS.name)
        *_, last = (row for row in rows if row["dimension"] == "all")
        found.append((last["rows"], last["status"], last["version"]))
    assert [(rows, status) for rows, status, _ in found] == [
        (1, "open"),
        (2, "closed"),
        (3, "closed"),
    ]
    assert all(earlier[2] < later[2] for earlier, later in pairwise(found))


def test_rule_23_what_is_consumed_is_in_a_session_without_one_late_known_or_dead() -> None:
    line = TaskLine()
    line.mark(T + LIMIT)
    line.write(
        [
            web_log(1, T),
            web_log(1, T),
            web_log(2, T - 1),
            web_log(3, T, session_id=None),
            web_log(4, 5),
            web_log(5, T, id="no key"),
            live_event(1, T),
        ]
    )
    tally = line.task.tallies["web_logs"]
    assert (tally.in_sessions, tally.without_session, tally.late) == (1, 1, 2)
    assert (tally.duplicates, tally.dead, tally.consumed) == (1, 1, 6)
    assert line.task.tallies["live_events"].consumed == 1
    assert len(line.kafka.rows(DEAD_LETTERS.name)) == 1


def blocks_of(rows: Sequence[Raw]) -> list[Block | MarkBlock]:
    """Rows as an agent publishes them: a block a feed."""
    found: list[Block | MarkBlock] = []
    for feed, topic in TOPIC.items():
        own = [row for row in rows if feed_of(row) == feed]
        if own:
            name = INPUTS[feed].schema
            schema = SCHEMAS.named(name)
            encoder = ColumnEncoder(schema, SCHEMAS.id_of(name))
            values = encoder.encode(pl.DataFrame(own, schema=dtypes(schema)))
            found.append(Block(topic, 0, values, values))
    return found


def finals(rows: list[dict[str, Any]], topic: Topic) -> list[dict[str, Any]]:
    """Final records without what two equal runs may differ in (rule 27)."""
    hidden = {"version", "_offset", "_timestamp_ms"}
    offsets = {f"{feed}_{end}_offset" for feed in TOPIC for end in ("first", "last")}
    hidden |= offsets if topic is SESSIONS else set()
    kept = [row for row in rows if row["status"] == "final"]
    return sorted(({k: v for k, v in row.items() if k not in hidden} for row in kept), key=str)


@settings(max_examples=20)
@given(
    st.lists(raw_rows(st.integers(T, T + 4 * HOUR)), min_size=1, max_size=25),
    st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=10),
)
def test_rule_27_a_replay_in_one_piece_ends_as_a_live_run_with_crashes(
    rows: list[Raw], pieces: list[tuple[int, bool]]
) -> None:
    """The live run reads what was published in pieces; a copy of a row counts as its first."""
    emitted: dict[str, list[dict[str, Any]]] = {SESSIONS.name: [], REQUEST_STATS.name: []}

    def keep(chunk: Chunk) -> None:
        for topic in (SESSIONS, REQUEST_STATS):
            if chunk.topic == topic.name:
                names = [field["name"] for field in SCHEMAS.named(topic.schema)["fields"]]
                frame = chunk.decode(SCHEMAS, topic.schema, names).frame
                emitted[topic.name].extend(frame.to_dicts())

    rules = EventTimeRules(feeds=FEEDS)
    replay = Replay(rules, SCHEMAS, Detection([]), keep, published_ms=1_800_000_000_000)
    replay.publish(blocks_of(rows))
    replay.close()

    line, left = TaskLine(rules), list(rows)
    for size, crash in pieces:
        line.write(left[:size])
        left = left[size:]
        if crash:
            line.host.crash()
    line.write(left)
    closing = rules.closing(max(map(time_of, rows)))
    for feed in rules.feeds:
        line.kafka.publish(mark(feed, closing))
    line.commit()
    detect = MemoryHost(line.kafka, lambda: DetectTask(rules, Detection([]), SCHEMAS, partitions=1))
    detect.finish()
    for topic in (SESSIONS, REQUEST_STATS):
        assert finals(emitted[topic.name], topic) == finals(line.kafka.rows(topic.name), topic)
    assert sum(tally.in_sessions for tally in replay.tallies.values()) == sum(
        record["revision"] for record in line.records().values()
    )
