"""The detect task goes on with other rules between two flushes (rule 27: in the end the same)."""

from collections.abc import Sequence
from typing import Any

from pipeline.detect.detection import Detection
from pipeline.detect.rules import AnyRule
from pipeline.domain.event_time import HOUR, MINUTE, EventTimeRules
from pipeline.domain.topics import ANOMALIES
from pipeline.engine.detect_task import DetectTask
from tests.support.detect_run import shipped_rules
from tests.support.memory_kafka import SCHEMAS, MemoryHost
from tests.support.task_line import TaskLine
from tests.support.task_rows import T, web_log

PAGES = [rule for rule in shipped_rules() if rule.id == "error_spike_5xx_instance"]
"""Alone: as with others, but quicker."""


class Offered:
    """Rules that somebody saved; given once."""

    def __init__(self) -> None:
        self.rules: Sequence[AnyRule] | None = None

    def newer(self) -> Sequence[AnyRule] | None:
        given, self.rules = self.rules, None
        return given


def failing() -> TaskLine:
    """Half an hour in which every request fails from minute 20 on; closed, not final."""
    line = TaskLine()
    for minute in range(30):
        status = 500 if minute >= 20 else 200
        rows = range(minute * 100, minute * 100 + 60)
        line.write(web_log(n, T + minute * MINUTE, http_status=status) for n in rows)
    line.mark(T + 30 * MINUTE)
    return line


def severities(line: TaskLine) -> list[tuple[Any, Any]]:
    return [(row["severity"], row["status"]) for row in line.kafka.rows(ANOMALIES.name)]


def test_new_rules_are_taken_at_a_tick_and_speak_with_the_next_flush() -> None:
    line, offered = failing(), Offered()
    host = MemoryHost(
        line.kafka,
        lambda: DetectTask(
            EventTimeRules(),
            Detection(PAGES),
            SCHEMAS,
            partitions=1,
            new_rules=offered.newer,
        ),
    )
    host.finish()
    assert severities(line) == [("critical", "open")]
    offered.rules = [rule.model_copy(update={"severity": "info"}) for rule in PAGES]
    host.task.tick(T + HOUR)
    assert severities(line) == [("critical", "open")]
    host.finish()
    assert severities(line)[1:] == [("info", "updated")]
    assert host.task.flush() is None
    line.mark(EventTimeRules().closing(T + 30 * MINUTE))
    host.crash()
    host.finish()
    final = severities(line)[-1]
    assert final == ("critical", "resolved")  # restarted with what its maker gives
    episodes = {row["episode"] for row in line.kafka.rows(ANOMALIES.name)}
    assert len(episodes) == 1
