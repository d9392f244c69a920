"""Rows to alerts through both stages: web_logs four hours behind end in the same alerts (rule 27).

With all shipped rules.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from pipeline.detect.detection import Detection
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.domain.topics import ANOMALIES
from pipeline.engine.sessionize_task import INPUTS
from tests.support.detect_run import shipped_rules
from tests.support.memory_line import RULES, MemoryLine
from tests.support.task_rows import T, feed_of, live_event, web_log

Row = dict[str, Any]

LENGTH_MIN = 60
WHEN = {"web_logs": "timestamp", "live_events": "event_time"}


def rows() -> Iterator[Row]:
    """Walk an hour: a person acts as fifteen others in both feeds; later most requests fail."""
    for minute in range(LENGTH_MIN):
        at = T + minute * MINUTE
        failing = 40 <= minute < 45
        for n in range(20):
            status = 500 if failing and n < 15 else 200
            yield web_log(minute * 100 + n, at + n, http_status=status)  # all of one page
        if 10 <= minute < 25:
            acting = {"real_user_id": 7, "user_id": 100 + minute}
            yield web_log(minute * 100 + 50, at + 50, **acting)
            yield live_event(10**6 + minute, at + 51, **acting)


def of(feed: str, first: int = 0, last: int = LENGTH_MIN) -> list[Row]:
    """Return the rows of a feed in some minutes."""
    start, end = T + first * MINUTE, T + last * MINUTE
    return [row for row in ROWS if feed_of(row) == feed and start <= row[WHEN[feed]] < end]


ROWS = list(rows())


class Line(MemoryLine):
    """Both stages with all shipped rules; what is given is read and committed at once."""

    def __init__(self, *, crashes: bool) -> None:
        super().__init__(detection=lambda: Detection(shipped_rules()))
        self.crashes = crashes
        self.mark(T)

    def give(self, rows: Sequence[Row], *, through: int) -> None:
        """Publish rows of one feed in a chunk, and a mark behind them (minutes)."""
        feed = feed_of(rows[0])
        self.kafka.write(INPUTS[feed].name, 0, list(rows))
        self.mark_feed(feed, T + through * MINUTE)
        if self.crashes:
            self.sessionize.crash()
            self.detect.crash()

    def ended(self) -> list[Row]:
        """Close everything; return the last record of every alert that was not withdrawn."""
        self.mark(RULES.closing(T + LENGTH_MIN * MINUTE))
        last = {row["episode"]: row for row in self.kafka.rows(ANOMALIES.name)}
        kept = [row for row in last.values() if row["status"] != "retracted"]
        left_out = {"version", "updated_at", "opened_at", "_offset"}
        return sorted(
            ({name: row[name] for name in row if name not in left_out} for row in kept),
            key=lambda row: str(row["episode"]),
        )


@pytest.mark.parametrize("crashes", [False, True])
def test_web_logs_four_hours_behind_live_events_end_in_the_same_alerts(*, crashes: bool) -> None:
    prompt = Line(crashes=False)
    for first in range(0, LENGTH_MIN, 20):
        prompt.give(of("web_logs", first, first + 20), through=first + 20)
        events = of("live_events", first, first + 20)
        if events:
            prompt.give(events, through=first + 20)
    late = Line(crashes=crashes)
    late.give(of("live_events"), through=LENGTH_MIN + 4 * HOUR // MINUTE)
    assert [row["rule"] for row in late.kafka.rows(ANOMALIES.name)][:1] == ["masquerade_burst"]
    for first, last in ((0, 13), (13, 42), (42, LENGTH_MIN)):
        late.give(of("web_logs", first, last), through=last)
    found = late.ended()
    assert found == prompt.ended()
    assert {row["rule"] for row in found} == {"masquerade_burst", "error_spike_5xx_controller"}
    assert {row["status"] for row in found} == {"resolved"}
    assert [row["feeds"] for row in found if row["key"] == "7"] == [["live_events", "web_logs"]]
