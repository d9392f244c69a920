"""A commit of detect is bounded, and nothing but its size depends on that (rules 13 and 20)."""

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detect.detection import Detection
from pipeline.domain.event_time import MINUTE, EventTimeRules
from pipeline.domain.topics import ANOMALIES, REQUEST_DELTAS, REQUEST_STATS
from pipeline.engine.detect_task import STATS_AT_ONCE, DetectTask
from tests.support.detect_run import shipped_rules
from tests.support.memory_kafka import SCHEMAS, MemoryHost, MemoryKafka
from tests.support.task_line import TaskLine
from tests.support.task_rows import T, web_log

RULES = EventTimeRules()
MINUTES = 20
ADDRESSES = 30
MOST = 70


def detecting(kafka: MemoryKafka, most: int) -> MemoryHost:
    def task() -> DetectTask:
        return DetectTask(
            RULES, Detection(shipped_rules()), SCHEMAS, partitions=1, stats_at_once=most
        )

    return MemoryHost(kafka, task)


def failed_logins() -> TaskLine:
    """Twenty minutes, each with as many statistics and a few more as it has addresses."""
    line = TaskLine()
    for minute in range(MINUTES):
        numbers = range(minute * ADDRESSES, (minute + 1) * ADDRESSES)
        line.write(
            web_log(
                n,
                T + minute * MINUTE,
                remote_ip=f"2001:db8::{n:x}",
                http_method="POST",
                http_status=401,
                web_application_controller="login/canvas",
                web_application_action="create",
            )
            for n in numbers
        )
    return line


def identity(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("feed", "minute", "dimension", "key"))


def latest_stats(kafka: MemoryKafka) -> dict[tuple[Any, ...], dict[str, Any]]:
    unlike = {"version", "_offset"}
    return {
        identity(row): {name: value for name, value in row.items() if name not in unlike}
        for row in kafka.rows(REQUEST_STATS.name)
    }


def alerts(kafka: MemoryKafka) -> list[tuple[Any, ...]]:
    """Return the alerts that stand in the end."""
    last = {(row["fingerprint"], row["episode"]): row for row in kafka.rows(ANOMALIES.name)}
    names = ("rule", "key", "window_start", "window_end", "status", "observed", "expected")
    shown = [tuple(row[name] for name in names) for row in last.values()]
    return sorted(each for each in shown if "retracted" not in each)


@pytest.mark.parametrize("crash", [False, True])
@pytest.mark.parametrize("final", [False, True])
def test_rule_20_a_transaction_holds_no_more_statistics_than_it_may_and_the_next_ones_the_rest(
    *, final: bool, crash: bool
) -> None:
    """A mark that passes all minutes at once; those left over survive a crash as they were."""
    line = failed_logins()
    host = detecting(line.kafka, MOST)
    host.finish()
    each = Counter(row["minute"] for row in latest_stats(line.kafka).values())
    before = line.kafka.rows(REQUEST_STATS.name)[-1]["version"]
    last = T + MINUTES * MINUTE
    line.mark(RULES.closing(last) if final else last + MINUTE)
    host.step(REQUEST_DELTAS.name, 1 << 40)
    more = True
    while more:
        more = host.commit()
        assert json.loads(host._metadata or "")["more"] == more
        if crash:
            host.crash()
    rows = [row for row in line.kafka.rows(REQUEST_STATS.name) if row["version"] > before]
    sizes = Counter(row["version"] for row in rows)
    assert max(sizes.values()) < MOST + max(each.values())
    assert len(sizes) >= len(rows) // (MOST + max(each.values()))
    assert {row["status"] for row in rows} == {"final" if final else "closed"}
    assert len({identity(row) for row in rows}) == len(rows) == sum(each.values())
    assert [row["minute"] for row in rows] == sorted(row["minute"] for row in rows)
    assert host.task.flush() is None


def test_statistics_that_got_deltas_are_published_once_however_many_close_with_them() -> None:
    """Catching up: the deltas of hours and the mark that passes them come in one commit."""
    line = failed_logins()
    line.mark(RULES.closing(T + MINUTES * MINUTE))
    host = detecting(line.kafka, 1)
    host.step(REQUEST_DELTAS.name, 1 << 40)
    assert not host.commit()
    rows = line.kafka.rows(REQUEST_STATS.name)
    assert {row["status"] for row in rows} == {"final"}
    assert len({identity(row) for row in rows}) == len(rows) > MOST


moves = st.lists(
    st.tuples(st.sampled_from(["write", "mark", "read", "commit", "crash"]), st.integers(1, 9)),
    max_size=25,
)
requests = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from([200, 401, 500]), st.sampled_from("abc")),
    min_size=1,
    max_size=30,
)


def run(
    requests: list[tuple[int, int, str]], moves: list[tuple[str, int]], most: int
) -> MemoryKafka:
    """Return the topics after requests (minute, status, controller) and moves."""
    line = TaskLine()
    host = detecting(line.kafka, most)
    rows = [
        web_log(n, T + minute * MINUTE, http_status=status, web_application_controller=controller)
        for n, (minute, status, controller) in enumerate(requests)
    ]
    at = T
    for move, size in moves:
        if move == "write":
            line.write(rows[:size])
            rows = rows[size:]
        elif move == "mark":
            at += size * MINUTE
            line.mark(at)
        elif move == "read":
            host.step(REQUEST_DELTAS.name, size)
        elif move == "commit":
            host.commit()
        else:
            host.crash()
    line.write(rows)
    line.close(max(at, T + 12 * MINUTE))
    host.finish()
    return line.kafka


@settings(max_examples=40)
@given(requests, moves, st.integers(1, 9))
def test_rule_20_bounded_commits_end_in_the_statistics_of_unbounded_ones(
    requests: list[tuple[int, int, str]], moves: list[tuple[str, int]], most: int
) -> None:
    """Whatever is read, marked, committed and lost in between; and versions only grow."""
    bounded, unbounded = run(requests, moves, most), run(requests, moves, STATS_AT_ONCE)
    assert latest_stats(bounded) == latest_stats(unbounded)
    assert {row["status"] for row in latest_stats(bounded).values()} == {"final"}
    versions: dict[tuple[Any, ...], int] = {}
    for row in bounded.rows(REQUEST_STATS.name):
        assert row["version"] > versions.get(identity(row), -1)
        versions[identity(row)] = row["version"]


@pytest.mark.parametrize("most", [1, 40])
def test_rule_27_bounded_commits_end_in_the_alerts_of_unbounded_ones(most: int) -> None:
    found = []
    for bound in (most, STATS_AT_ONCE):
        line = TaskLine()
        host = detecting(line.kafka, bound)
        for minute in range(60):
            broken = 40 <= minute < 46
            line.write(
                web_log(
                    minute * 40 + n,
                    T + minute * MINUTE,
                    http_status=500 if broken and n % 2 else 200,
                    web_application_controller=f"page_{n % 3}",
                    web_application_action="show",
                )
                for n in range(40)
            )
            if minute % 20 == 19:
                line.mark(T + (minute - 3) * MINUTE)
                host.step(REQUEST_DELTAS.name, 1 << 40)
                host.commit()
        line.close(T + 60 * MINUTE)
        host.finish()
        found.append(alerts(line.kafka))
    assert found[0] == found[1]
    assert found[0]
