"""When a silence is judged, and what the rules say about the silences that they cannot see."""

import polars as pl
import pytest

from pipeline.app.metrics import CATALOGUE
from pipeline.domain.event_time import MINUTE
from tests.support.detect_run import DetectRun, shipped_rules
from tests.support.noise import DAY, MONDAY, noise
from tests.support.watch_rules import rule

DEAD = MONDAY + 3 * DAY
KNOWN = {"cold_hours": 24, "season": "none"}


def test_a_feed_whose_minutes_nobody_closes_is_silent_only_when_they_are_final() -> None:
    events = noise(2, [8], 3, rhythm=False).with_columns(pl.lit("live_events").alias("feed"))
    run = DetectRun([rule("absence", feeds=["live_events"], parameters=KNOWN)])
    run.finalise(events.filter(pl.col("minute") < DEAD * MINUTE), DEAD)
    run.close({"web_logs": DEAD + 600})
    assert run.take() == []
    run.finalise([], DEAD + 600)
    run.take()
    assert [one["window_start"] // MINUTE >= DEAD - 5 for one in run.latest()] == [True]


@pytest.mark.parametrize("name", ["live_events_silent", "web_logs_silent"])
def test_a_rule_on_a_silent_feed_says_what_tells_of_a_dead_agent(name: str) -> None:
    [silent] = [one for one in shipped_rules() if one.id == name]
    told = {word.strip(".,") for word in silent.caveat.split() if "_" in word}
    assert {"ingest_ready", "ingest_mark_seconds", "watermark_age_seconds"} <= told
    assert told - {"web_logs"} <= {metric.name for metric in CATALOGUE}
