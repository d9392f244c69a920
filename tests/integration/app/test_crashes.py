"""kill -9 in turn, twenty times: the result is that of an undisturbed run (rule 27)."""

import random
import subprocess
import sys
import time

import pytest

from pipeline.app.stages import STAGES
from tests.integration.app.conftest import EVERY_FEED, FEEDS, Day
from tests.support.line import RESULTS, Line, final, replayed
from tests.support.stack import Stack

pytestmark = [pytest.mark.stack, pytest.mark.crash]

KILLS = 20


@pytest.mark.timeout(1800)
def test_killed_stages_lose_nothing_and_double_nothing(
    stack: Stack, topic_prefix: str, database: str, day: Day
) -> None:
    line = Line(stack, topic_prefix, database, feeds=EVERY_FEED)
    line.create()
    rng = random.Random(7)
    line.start(*STAGES)
    ingests = [
        subprocess.Popen(
            [sys.executable, "-m", "pipeline", "ingest", command, str(day.files / feed)],
            env=line.environment,
        )
        for command, feed in FEEDS.items()
    ]
    try:
        for number in range(KILLS):
            # Long enough for most to be in the middle of their work, some still restoring.
            time.sleep(rng.uniform(0.5, 5.0))
            stage = STAGES[number % len(STAGES)]
            line.kill(stage)
            line.start(stage)
        assert [ingest.wait(600) for ingest in ingests] == [0, 0, 0]
        line.caught_up(close=True, within_s=900)
    finally:
        for ingest in ingests:
            ingest.kill()
        line.stop()
    for topic in RESULTS:
        assert final(topic, line.records(topic)) == replayed(day.result, topic), topic.name
