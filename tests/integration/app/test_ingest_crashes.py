"""An agent killed with -9 in the middle and started again publishes every row once."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.domain.topics import (
    COURSE_AUDIT,
    DEAD_LETTERS,
    ERASURES,
    LIVE_EVENTS,
    WEB_LOGS,
    Topic,
)
from tests.integration.app.conftest import FEEDS, Day
from tests.support.line import Line
from tests.support.stack import Stack
from tests.support.topic_end import topic_end

pytestmark = [pytest.mark.stack, pytest.mark.crash]

KILLS = 6
INPUTS = {
    "web_logs": (WEB_LOGS, "id"),
    "live_events": (LIVE_EVENTS, "event_key"),
    "course_audit": (COURSE_AUDIT, "id"),
}


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("command", FEEDS)
def test_a_killed_agent_neither_loses_nor_doubles_a_row(
    stack: Stack, topic_prefix: str, database: str, day: Day, command: str
) -> None:
    feed = FEEDS[command]
    quiet = Line(stack, f"{topic_prefix}quiet.", database)
    wild = Line(stack, f"{topic_prefix}wild.", database)
    rng = random.Random(command)
    for line in (quiet, wild):
        line.create()
    assert quiet.command("ingest", command, str(day.files / feed)).returncode == 0
    topic, key = INPUTS[feed]
    with topic_end(stack, f"{topic_prefix}wild.{topic.name}", committed=False) as written:
        for number in range(KILLS):
            _killed(wild, command, day.files / feed, None if number % 2 else written, rng)
    assert wild.command("ingest", command, str(day.files / feed)).returncode == 0
    for each, name in ((topic, key), (DEAD_LETTERS, "location"), (ERASURES, "subject")):
        assert _content(wild, each, name) == _content(quiet, each, name), each.name


def _killed(
    line: Line, command: str, files: Path, written: Callable[[], int] | None, rng: random.Random
) -> None:
    """Kill an agent as soon as something of it is on the topic, else at any moment."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "ingest", command, str(files)], env=line.environment
    )
    if written is None:
        time.sleep(rng.uniform(1.0, 6.0))
    else:
        before = written()
        while process.poll() is None and written() == before:
            time.sleep(0.002)
    process.kill()
    process.wait()


def _content(line: Line, topic: Topic, key: str) -> list[str]:
    """Return every record of a topic, copies included, without when it was published."""
    published = {"_offset", "ingested_at", "happened_at"}
    rows = (
        {name: value for name, value in row.items() if name not in published}
        for row in line.records(topic)
    )
    return sorted(f"{row[key]} {row}" for row in rows)
