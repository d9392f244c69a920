"""Rules of docs/semantics.md that show only in whole tasks, each by its number."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from pipeline.detect.detection import Detection
from pipeline.domain.event_time import HOUR, MINUTE, EventTimeRules
from pipeline.domain.feeds import Feed
from pipeline.domain.topics import (
    DEAD_LETTERS,
    LATE,
    LIVE_EVENTS,
    REQUEST_DELTAS,
    REQUEST_STATS,
    SESSIONS,
    WEB_LOGS,
)
from pipeline.engine.detect_task import DetectTask
from pipeline.engine.sessionize_task import SessionizeTask
from pipeline.engine.stage import Block
from tests.support.memory_kafka import SCHEMAS, MemoryHost, MemoryKafka
from tests.support.task_rows import IDS, T, live_event, mark, web_log

RULES = EventTimeRules()
LIMIT = RULES.gap + RULES.allowed_lateness


class Line:
    """One partition's task and the detect task over topics in memory."""

    def __init__(self, partitions: int = 1, generation: int = 0) -> None:
        self.kafka = MemoryKafka()
        self.sessionize = MemoryHost(
            self.kafka, lambda: SessionizeTask(0, RULES, SCHEMAS, generation=generation)
        )
        self.detect = MemoryHost(
            self.kafka, lambda: DetectTask(RULES, Detection([]), SCHEMAS, partitions=partitions)
        )

    @property
    def task(self) -> SessionizeTask:
        assert isinstance(self.sessionize.task, SessionizeTask)
        return self.sessionize.task

    def write(self, *rows: dict[str, Any]) -> None:
        """Publish rows to the topics of their feeds and commit them."""
        for row in rows:
            topic = WEB_LOGS if "timestamp" in row else LIVE_EVENTS
            self.kafka.write(topic.name, 0, [row])
        self.run()

    def mark(self, **at: int) -> None:
        """Publish marks and commit what they bring about."""
        for feed, instant in at.items():
            self.kafka.publish(mark(feed, instant))  # type: ignore[arg-type]
        self.run()

    def run(self) -> None:
        """Let both stages read everything and commit."""
        self.sessionize.finish()
        self.detect.finish()

    def tick(self, now: int) -> None:
        """Pass the wall clock to both stages and commit what it brings about."""
        self.sessionize.task.tick(now)
        self.sessionize.commit()
        self.detect.step(REQUEST_DELTAS.name, 1 << 40)
        self.detect.task.tick(now)
        self.detect.commit()

    def statuses(self, topic: str) -> list[str]:
        """Return the statuses of a topic's latest records, in order of their identities."""
        latest: dict[tuple[Any, ...], str] = {}
        for row in self.kafka.rows(topic):
            names = ("session_id", "start", "feed", "minute", "dimension", "key")
            latest[tuple(row.get(name) for name in names)] = row["status"]
        return list(latest.values())


def test_rule_1_what_is_not_128_bits_is_no_session_and_is_counted() -> None:
    line = Line()
    texts = [None, "", "_dap_unspecified_", "123", IDS[0].upper(), f"urn:x:session:{IDS[0]}"]
    line.write(*(web_log(n, T + n, session_id=text) for n, text in enumerate(texts)))
    tally = line.task.tallies["web_logs"]
    assert (tally.without_session, tally.in_sessions) == (4, 2)
    assert {row["session_id"] for row in line.kafka.rows(SESSIONS.name)} == {IDS[0]}
    (delta,) = (row for row in line.kafka.rows(REQUEST_DELTAS.name) if row["dimension"] == "all")
    assert delta["rows"] == 6


def test_rule_5_a_row_whose_event_key_is_not_128_bits_is_dead_and_no_duplicate() -> None:
    line = Line()
    line.write(web_log(1, T, id="x"), web_log(2, T, id="y"), web_log(3, T))
    tally = line.task.tallies["web_logs"]
    assert (tally.dead, tally.duplicates, tally.in_sessions) == (2, 0, 1)
    assert tally.balanced()
    reasons = [(row["feed"], row["reason"]) for row in line.kafka.rows(DEAD_LETTERS.name)]
    assert reasons == [("web_logs", "value")] * 2


def test_rule_7_a_session_of_both_feeds_has_statistics_of_each() -> None:
    line = Line()
    line.write(web_log(1, T, http_status=500), live_event(1, T))
    found = [row for row in line.kafka.rows(REQUEST_STATS.name) if row["dimension"] == "all"]
    assert [(row["feed"], row["rows"], row["errors"]) for row in found] == [
        ("live_events", 1, 0),
        ("web_logs", 1, 1),
    ]
    *_, session = line.kafka.rows(SESSIONS.name)
    assert (session["requests"], session["events"], session["errors"]) == (1, 1, 1)


def test_rule_12_and_13_a_vanished_identity_is_withdrawn_with_a_higher_version() -> None:
    line = Line(generation=3)
    line.write(web_log(1, T))
    line.write(web_log(2, T - MINUTE))
    records = [(r["start"], r["status"], r["version"]) for r in line.kafka.rows(SESSIONS.name)]
    first, second = (3 << 48) + 1, (3 << 48) + 2
    assert records == [
        (T, "open", first),
        (T - MINUTE, "open", second),
        (T, "withdrawn", second),
    ]


def test_rule_14_a_row_in_time_never_finds_its_session_final() -> None:
    line = Line()
    line.write(web_log(1, T))
    line.mark(web_logs=T + RULES.gap + LIMIT, live_events=T + RULES.gap + LIMIT)
    assert line.statuses(SESSIONS.name) == ["closed"]
    line.write(web_log(2, T + RULES.gap), web_log(3, T + RULES.gap - 1))
    assert line.task.tallies["web_logs"].late == 1
    assert line.task.open_sessions == 1
    line.mark(web_logs=T + 2 * RULES.gap + LIMIT + 1, live_events=T + 2 * RULES.gap + LIMIT + 1)
    assert line.statuses(SESSIONS.name) == ["final"]


def test_rule_14_and_21_an_event_key_is_held_until_a_row_of_its_time_would_be_late() -> None:
    line = Line()
    line.write(web_log(1, T))
    line.mark(web_logs=T + LIMIT, live_events=T + LIMIT)
    line.sessionize.crash()
    line.write(web_log(1, T))
    assert line.task.tallies["web_logs"].duplicates == 1
    line.mark(web_logs=T + LIMIT + 1, live_events=T + LIMIT + 1)
    line.sessionize.crash()
    line.write(web_log(1, T))
    assert line.task.tallies["web_logs"].duplicates == 1
    assert line.task.tallies["web_logs"].late == 1
    assert [row["event_key"] for row in line.kafka.rows(LATE.name)] == [f"{1:032x}"]


def test_rule_15_one_feed_closes_a_session_and_only_all_of_them_make_it_final() -> None:
    line = Line()
    line.write(web_log(1, T))
    line.mark(live_events=T + RULES.gap)
    assert line.statuses(SESSIONS.name) == ["open"]
    line.mark(live_events=T + 9 * HOUR)
    assert line.statuses(SESSIONS.name) == ["closed"]
    line.mark(web_logs=T + 9 * HOUR)
    assert line.statuses(SESSIONS.name) == ["final"]


def test_rule_18_closing_makes_everything_final_though_only_one_feed_ever_spoke() -> None:
    line = Line()
    line.write(web_log(1, T), web_log(2, T + 3 * HOUR))
    line.mark(web_logs=T + 2 * HOUR)
    assert set(line.statuses(SESSIONS.name)) == {"open", "closed"}
    closing = RULES.closing(T + 3 * HOUR)
    line.mark(web_logs=closing, live_events=closing)
    assert set(line.statuses(SESSIONS.name)) == {"final"}
    assert set(line.statuses(REQUEST_STATS.name)) == {"final"}
    assert line.task.open_sessions == 0


def test_rule_18_after_closing_the_next_run_goes_on_behind_the_gap() -> None:
    line = Line()
    line.write(web_log(1, T))
    closing = RULES.closing(T)
    line.mark(web_logs=closing, live_events=closing)
    line.write(web_log(2, T + RULES.gap), web_log(3, T + RULES.gap + 1))
    tally = line.task.tallies["web_logs"]
    assert (tally.late, tally.in_sessions) == (1, 2)


def test_rule_18_a_feed_without_rows_and_marks_holds_nothing_back_after_its_timeout() -> None:
    line = Line()
    line.tick(0)
    line.write(web_log(1, T))
    line.mark(web_logs=T + 9 * HOUR)
    assert line.statuses(SESSIONS.name) == ["closed"]
    line.tick(RULES.idle_timeout["live_events"])
    assert line.statuses(SESSIONS.name) == ["final"]
    assert set(line.statuses(REQUEST_STATS.name)) == {"final"}


def test_rule_18_a_partition_that_never_speaks_is_waited_for_no_longer_than_the_timeout() -> None:
    line = Line(partitions=2)
    line.tick(0)
    line.write(web_log(1, T))
    line.mark(web_logs=T + 9 * HOUR, live_events=T + 9 * HOUR)
    assert set(line.statuses(REQUEST_STATS.name)) == {"open"}
    line.tick(RULES.idle_timeout["web_logs"])
    assert set(line.statuses(REQUEST_STATS.name)) == {"final"}


def test_rule_20_a_minute_is_closed_when_the_watermark_is_past_its_end() -> None:
    end = T // MINUTE * MINUTE + MINUTE
    line = Line()
    line.write(web_log(1, T))
    line.mark(web_logs=end)
    assert set(line.statuses(REQUEST_STATS.name)) == {"open"}
    line.mark(web_logs=end + 1)
    assert set(line.statuses(REQUEST_STATS.name)) == {"closed"}


class Watching(Detection):
    """A detection that remembers how far it was told minutes are closed."""

    def __init__(self) -> None:
        super().__init__([])
        self.through: dict[str, int] = {}

    def close(self, through: Mapping[Feed, int]) -> None:
        """Remember; an end that equals ``through`` counts as closed."""
        self.through.update(through)
        super().close(through)


def test_rule_20_detectors_see_a_minute_closed_when_its_statistics_are() -> None:
    end = T // MINUTE * MINUTE + MINUTE
    line, watching = Line(), Watching()
    line.detect.task = DetectTask(RULES, watching, SCHEMAS, partitions=1)
    line.write(web_log(1, T))
    line.mark(web_logs=end)
    assert watching.through["web_logs"] < end
    line.mark(web_logs=end + 1)
    assert watching.through["web_logs"] == end


def test_rule_20_a_minute_is_final_when_a_row_in_it_would_be_late() -> None:
    end = T // MINUTE * MINUTE + MINUTE
    line = Line()
    line.write(web_log(1, T))
    line.mark(web_logs=end + LIMIT - 1, live_events=end + LIMIT - 1)
    assert set(line.statuses(REQUEST_STATS.name)) == {"closed"}
    line.write(web_log(2, end - 1))
    assert line.task.tallies["web_logs"].late == 0
    line.mark(web_logs=end + LIMIT, live_events=end + LIMIT)
    assert set(line.statuses(REQUEST_STATS.name)) == {"final"}


def test_rule_21_a_restore_reads_keys_from_the_lowest_offset_within_the_limit() -> None:
    line = Line()
    hours = range(20)
    for n in hours:
        line.write(*(web_log(n * 100 + i, T + n * HOUR + i) for i in range(3)))
        line.mark(web_logs=T + n * HOUR, live_events=T + n * HOUR)
    line.sessionize.crash()
    line.write(*(web_log(n * 100, T + n * HOUR) for n in hours))
    tally = line.task.tallies["web_logs"]
    late = sum(T + n * HOUR < T + 19 * HOUR - LIMIT for n in hours)
    assert (tally.late, tally.duplicates) == (late, len(hours) - late)


def test_rule_22_a_correction_is_a_duplicate_for_sessions_and_minutes() -> None:
    line = Line()
    line.write(web_log(1, T, http_status=200))
    line.write(web_log(1, T, http_status=500, committed_at=T + HOUR))
    assert line.task.tallies["web_logs"].duplicates == 1
    *_, session = line.kafka.rows(SESSIONS.name)
    assert (session["requests"], session["errors"]) == (1, 0)
    assert {row["errors"] for row in line.kafka.rows(REQUEST_STATS.name)} == {0}


def test_a_delta_nobody_can_decode_is_a_dead_letter_of_detect() -> None:
    line = Line()
    line.write(web_log(1, T))
    value = line.kafka.chunk(REQUEST_DELTAS.name, 0, 0, 1).record(0).value
    assert value is not None
    broken = pa.array([value[:-9]], pa.binary())
    line.kafka.publish(Block(REQUEST_DELTAS.name, 0, broken, broken))
    line.run()
    (letter,) = line.kafka.rows(DEAD_LETTERS.name)
    assert (letter["source"], letter["feed"]) == ("detect", "request_deltas")


def test_rule_9_and_15_a_cut_session_is_final_in_both_parts() -> None:
    rules = replace(RULES, day_start_s=0)
    kafka = MemoryKafka()
    host = MemoryHost(kafka, lambda: SessionizeTask(0, rules, SCHEMAS))
    midnight = T // (24 * HOUR) * 24 * HOUR
    kafka.write(WEB_LOGS.name, 0, [web_log(1, midnight - 1), web_log(2, midnight)])
    closing = rules.closing(midnight)
    kafka.publish(mark("web_logs", closing))
    kafka.publish(mark("live_events", closing))
    host.finish()
    found = [(row["start"], row["status"], row["continued"]) for row in kafka.rows(SESSIONS.name)]
    assert sorted(found) == [(midnight - 1, "final", True), (midnight, "final", True)]
