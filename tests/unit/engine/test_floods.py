"""Nothing that arrives makes a task grow without limit or moves its time wrongly.

Sizes are such that the bound shows; ``bench/floods.py`` does the same at full size.
"""

from typing import Any

import numpy as np
import polars as pl
import pytest

from pipeline.aggregate.counts import MEMBERS, SAMPLES
from pipeline.detect.detection import Detection
from pipeline.domain.event_time import HOUR, MINUTE, EventTimeRules
from pipeline.domain.topics import (
    ANOMALIES,
    DETECTOR_STATE,
    REQUEST_DELTAS,
    REQUEST_STATS,
    SESSIONS,
    WEB_LOGS,
)
from pipeline.engine.detect_task import DetectTask
from pipeline.engine.duplicates import DuplicateFilter
from pipeline.engine.sessionize_task import SessionizeTask
from pipeline.engine.stage import Reread
from tests.support.detect_run import shipped_rules
from tests.support.flood import CHUNK, Commit, Flood, distinct_sessions, one_session
from tests.support.memory_kafka import SCHEMAS, MemoryHost, MemoryKafka
from tests.support.task_line import TaskLine
from tests.support.task_rows import IDS, T, live_event, mark, web_log

RULES = EventTimeRules()
HELD = 2 * RULES.gap + RULES.allowed_lateness
"""How far behind the watermark a session that ended is held."""
YEAR_1970, YEAR_2100 = 5, 4_102_444_800_000_000
METADATA = 4_096
"""Bytes that a broker stores with an offset at most, as it comes."""


def test_a_flood_of_session_ids_is_held_no_longer_than_rows_may_come_late() -> None:
    """Five days' flood, twenty times what may come late: state is that of the last 6.5 hours."""
    flood, rows, hours = Flood(), 60_000, 120
    commits = list(distinct_sessions(flood, rows, hours))
    chunk_hours = hours * CHUNK / rows
    within = (HELD / HOUR + 1 + chunk_hours) / hours
    assert max(each.open_sessions for each in commits) <= rows * within + 1
    assert flood.close().open_sessions == 0
    assert flood.task.tallies["web_logs"].in_sessions == rows
    assert_metadata_is_small(commits)


def test_a_flood_of_session_ids_at_once_leaves_nothing_behind() -> None:
    flood, rows = Flood(), 40_000
    commits = list(distinct_sessions(flood, rows, 1))
    assert commits[-1].open_sessions == rows
    last = flood.close()
    assert last.open_sessions == 0
    assert last.written == rows  # a commit writes no more than what was held, each once
    assert_metadata_is_small(commits)
    times = np.full(10, T + 100 * HOUR)
    flood.chunk(np.arange(10) + (1 << 50), times, pl.Series(IDS[:1] * 10))
    assert flood.commit(T + 99 * HOUR).open_sessions == 1


def test_a_session_of_very_many_rows_has_a_record_as_long_as_any() -> None:
    flood, rows = Flood(), 100_000
    commits = list(one_session(flood, rows, 12))
    assert max(each.open_sessions for each in commits) == 2  # the day starts once in these hours
    assert max(each.largest_record for each in commits) < 1_000
    assert flood.task.tallies["web_logs"].in_sessions == rows
    assert flood.close().open_sessions == 0
    assert_metadata_is_small(commits)


def assert_metadata_is_small(commits: list[Commit]) -> None:
    assert max(len(each.metadata) for each in commits) < METADATA


def test_a_session_of_very_many_courses_addresses_and_paths_keeps_few_of_each() -> None:
    line = TaskLine()
    for start in range(0, 3_000, 1_000):
        line.write(
            web_log(
                n,
                T + n,
                course_id=n,
                remote_ip=f"2001:db8::{n:x}",
                user_agent=f"agent {n}",
                user_id=n,
                real_user_id=n + 1,
                developer_key_id=n,
                web_application_controller=f"controller {n}",
                url=f"/{n}",
            )
            for n in range(start, start + 1_000)
        )
    (record,) = line.records().values()
    sets = ["courses", "ips", "user_agents", "users", "developer_keys", "controllers"]
    for name in [*sets, "masquerade_targets"]:
        assert len(record[name]) == 32
        assert record[f"{name}_capped"]
        assert 1_500 < record[f"{name}_distinct"] < 6_000
    assert (record["entry_path"], record["exit_path"]) == ("/0", "/2999")


@pytest.mark.parametrize("time", [YEAR_1970, YEAR_2100], ids=["1970", "2100"])
@pytest.mark.parametrize("feed", ["web_logs", "live_events"])
def test_rule_19_a_row_out_of_all_time_is_late_and_closes_nobody_s_session(
    feed: str, time: int
) -> None:
    line = TaskLine(EventTimeRules(out_of_orderness={"web_logs": MINUTE, "live_events": MINUTE}))
    line.web(T)
    line.live(T, session=IDS[1])
    before = line.task.watermarks.task
    strange = web_log(9, time) if feed == "web_logs" else live_event(9, time)
    assert line.write([strange]) == []
    assert (line.task.watermarks.task, line.task.watermarks.largest) == (before, T)
    assert [row["reason"] for row in line.late()] == ["time"]
    assert (line.statuses(IDS[0]), line.statuses(IDS[1])) == (["open"], ["open"])


def test_rule_19_a_row_out_of_all_time_costs_its_neighbours_in_the_chunk_nothing() -> None:
    line = TaskLine()
    line.web(YEAR_1970, T, YEAR_2100, T + 1)
    assert line.spans() == [(T, T + 1)]
    tally = line.task.tallies["web_logs"]
    assert (tally.late, tally.in_sessions) == (2, 2)
    assert tally.balanced()


class TwoPartitions:
    """Two sessionize tasks whose deltas one detect task adds up."""

    def __init__(self) -> None:
        self.kafka = MemoryKafka()
        self.tasks = [
            MemoryHost(self.kafka, self.sessionize(number), number) for number in range(2)
        ]
        self.detect = MemoryHost(
            self.kafka, lambda: DetectTask(RULES, Detection([]), SCHEMAS, partitions=2)
        )

    @staticmethod
    def sessionize(number: int) -> Any:
        return lambda: SessionizeTask(number, RULES, SCHEMAS)

    def run(self, now: int) -> None:
        """Let everyone read and commit, at this time of the wall clock."""
        for host in self.tasks:
            host.task.tick(now)
            host.finish()
        self.detect.task.tick(now)
        self.detect.finish()

    def stats(self) -> dict[tuple[str, int], dict[str, Any]]:
        """Return the latest counts of all rows by feed and minute."""
        rows = self.kafka.rows(REQUEST_STATS.name)
        return {(r["feed"], r["minute"]): r for r in rows if r["dimension"] == "all"}


def a_day_of_silence() -> TwoPartitions:
    """Partition 1 has one row and is silent for a day; partition 0 has one every half hour."""
    line = TwoPartitions()
    line.run(0)
    line.kafka.write(WEB_LOGS.name, 1, [web_log(1, T)])
    for feed in ("web_logs", "live_events"):
        line.kafka.publish(mark(feed, T, 1))  # type: ignore[arg-type]
    for half in range(1, 56):
        at = T + half * 30 * MINUTE
        line.kafka.write(WEB_LOGS.name, 0, [web_log(1000 + half, at)])
        for feed in ("web_logs", "live_events"):
            line.kafka.publish(mark(feed, at, 0))  # type: ignore[arg-type]
        line.run(half * 30 * MINUTE)
    return line


def test_rule_20_a_partition_idle_for_a_day_does_not_hold_up_a_busy_one() -> None:
    line = a_day_of_silence()
    stats = line.stats()
    assert stats["web_logs", T // MINUTE * MINUTE]["status"] == "final"
    statuses = [stats[key]["status"] for key in sorted(stats)]
    assert statuses.count("final") >= 40
    assert statuses[-1] == "open"
    silent = line.tasks[1].task
    assert isinstance(silent, SessionizeTask)
    assert silent.open_sessions == 1  # its own time stands still


def test_rule_20_what_an_idle_partition_brings_back_for_a_dropped_minute_changes_nothing() -> None:
    line = a_day_of_silence()
    before = line.stats()
    line.kafka.write(WEB_LOGS.name, 1, [web_log(2, T + MINUTE)])
    line.run(56 * 30 * MINUTE)
    task = line.tasks[1].task
    assert isinstance(task, SessionizeTask)
    assert task.tallies["web_logs"].late == 0
    assert ("web_logs", T // MINUTE * MINUTE + MINUTE) not in line.stats()
    assert line.stats() == before


def flood_of_addresses(minutes: int, addresses: int) -> TaskLine:
    """Failed logins from very many addresses, each minute others."""
    line = TaskLine()
    refused = {
        "http_method": "POST",
        "http_status": 401,
        "web_application_controller": "login/canvas",
        "web_application_action": "create",
    }
    for minute in range(minutes):
        line.write(
            web_log(n, T + minute * MINUTE, remote_ip=f"2001:db8::{n:x}", **refused)
            for n in range(minute * addresses, (minute + 1) * addresses)
        )
    return line


def test_rule_20_a_final_minute_shows_the_heaviest_keys_and_one_for_all_others() -> None:
    line = flood_of_addresses(3, 400)
    line.close(T + 3 * MINUTE)
    detect = MemoryHost(
        line.kafka,
        lambda: DetectTask(RULES, Detection([]), SCHEMAS, partitions=1, max_keys=50),
    )
    detect.finish()
    latest = {
        (row["minute"], row["key"]): row
        for row in line.kafka.rows(REQUEST_STATS.name)
        if row["dimension"] == "failed_login_ip" and row["status"] == "final"
    }
    for minute in {at for at, _ in latest}:
        keys = [key for at, key in latest if at == minute]
        assert len(keys) == 51
        assert latest[minute, "other"]["keys_folded"] == 350
        assert sum(latest[minute, key]["rows"] for key in keys) == 400
    assert len(latest) == 3 * 51


def test_rule_20_folding_can_be_switched_off() -> None:
    line = flood_of_addresses(1, 400)
    line.close(T + MINUTE)
    detect = MemoryHost(
        line.kafka,
        lambda: DetectTask(RULES, Detection([]), SCHEMAS, partitions=1, max_keys=None),
    )
    detect.finish()
    rows = [r for r in line.kafka.rows(REQUEST_STATS.name) if r["dimension"] == "failed_login_ip"]
    assert len({row["key"] for row in rows}) == 400
    assert {row["keys_folded"] for row in rows} == {0}


def test_after_a_flood_of_keys_a_restore_of_detect_reads_nothing_of_it() -> None:
    line = flood_of_addresses(2, 300)
    detect = MemoryHost(line.kafka, lambda: DetectTask(RULES, Detection([]), SCHEMAS, partitions=1))
    detect.finish()
    line.close(T + 2 * MINUTE)
    detect.finish()
    for hour in (100, 101):
        line.write([web_log(hour * 1000, T + hour * HOUR)])
        detect.finish()
    before = line.kafka.end(REQUEST_STATS.name, 0)
    task = DetectTask(RULES, Detection([]), SCHEMAS, partitions=1)
    asked = {each.topic: each for each in task.rereads({REQUEST_DELTAS.name: 0}, detect._metadata)}
    assert before - asked[REQUEST_STATS.name].start <= 10
    assert DETECTOR_STATE.name in asked


def test_detector_states_of_forgotten_keys_leave_a_compacted_topic() -> None:
    """And a restore from what compaction leaves goes on as the task that never stopped."""
    rule = next(one for one in shipped_rules() if one.id == "error_spike_5xx_controller")
    short = rule.parameters.model_copy(update={"forget_after_min": 60})
    alone = rule.model_copy(update={"parameters": short, "part_of": None})

    def run(*, compacted: bool) -> TaskLine:
        line = TaskLine()
        host = MemoryHost(
            line.kafka, lambda: DetectTask(RULES, Detection([alone]), SCHEMAS, partitions=1)
        )
        for hour in range(14):
            at, first = T + hour * HOUR, hour * 100
            own = {"web_application_controller": f"of {hour}", "http_status": 500}
            line.write(web_log(first + n, at + n * MINUTE, **own) for n in range(20))
            line.mark(RULES.closing(at))
            host.finish()
            if compacted:
                line.kafka.compact(DETECTOR_STATE.name)
                host.crash()
        return line

    line, plain = run(compacted=True), run(compacted=False)
    assert line.kafka.rows(ANOMALIES.name) == plain.kafka.rows(ANOMALIES.name)
    line.kafka.compact(DETECTOR_STATE.name)
    hours = {
        int(row["key"].split("#")[0].removeprefix("of "))
        for row in line.kafka.rows(DETECTOR_STATE.name)
        if row["key"].startswith("of ")
    }
    assert hours
    assert min(hours) >= 8


def test_deltas_keep_few_members_and_samples_of_a_key() -> None:
    line = TaskLine()
    line.write(web_log(n, T, user_id=n, real_user_id=999_999, http_status=500) for n in range(500))
    for delta in line.deltas("masquerader"):
        assert len(delta["members"]) == MEMBERS + 1
        assert len(delta["sample_request_ids"]) == SAMPLES
        assert len(delta["sample_session_ids"]) <= SAMPLES


def test_the_duplicate_filter_holds_the_keys_of_the_allowed_lateness_and_no_more() -> None:
    """Forty days of keys need no more room than twice the keys that still matter."""
    held, random = DuplicateFilter(), np.random.default_rng(5)
    per_hour, hours_held = 2_000, 5
    largest = 0
    for hour in range(24 * 40):
        hi, lo = random.integers(0, 2**63, (2, per_hour)).astype(np.uint64)
        assert held.admit(hi, lo, np.full(per_hour, T + hour * HOUR)).all()
        held.forget(T + (hour - hours_held) * HOUR)
        largest = max(largest, held.nbytes)
    assert largest <= 28 * 4 * 2 * per_hour * (hours_held + 1)


def test_a_restore_in_and_after_a_flood_asks_for_no_more_than_can_matter() -> None:
    flood, rows, hours = Flood(), 5 * CHUNK, 200
    *_, before, last = distinct_sessions(flood, rows, hours)
    asked = asked_by_a_restore(last.metadata, rows)
    assert rows - asked[WEB_LOGS.name].start <= CHUNK  # that of 40 hours, more than the limit
    assert flood.written - asked[SESSIONS.name].start <= before.written + last.written
    flood.close()
    asked = asked_by_a_restore(flood.close().metadata, rows)
    assert WEB_LOGS.name not in asked
    assert asked[SESSIONS.name].start >= flood.written - 2 * CHUNK


def asked_by_a_restore(metadata: str, position: int) -> dict[str, Reread]:
    task = SessionizeTask(0, RULES, SCHEMAS)
    asked = task.rereads(dict.fromkeys(task.inputs, position), metadata)
    return {each.topic: each for each in asked}
