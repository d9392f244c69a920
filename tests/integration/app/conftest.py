"""One simulated day, its replay, and its run through the whole line, shared by the tests."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.clickhouse_http import ask
from tests.support.line import Line, replay, simulated
from tests.support.stack import Stack


class Day(NamedTuple):
    """Directories of the feeds and of the undisturbed result."""

    files: Path
    result: Path


class Finished(NamedTuple):
    """A line that has ingested a day, caught up and closed it; what its commands printed."""

    line: Line
    ingested: dict[str, str]
    run: subprocess.CompletedProcess[str]


FEEDS = {
    "web-logs-files": "web_logs",
    "live-events-files": "live_events",
    "course-audit-files": "course_audit",
}
EVERY_FEED = json.dumps(list(FEEDS.values()))


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    """A day of 300 users, with attacks, and what a replay makes of it."""
    directory = tmp_path_factory.mktemp("day")
    files = simulated(directory / "canvas", "--users", "300", "--seed", "3")
    return Day(files, replay(files, directory / "result"))


@pytest.fixture(scope="session")
def finished(stack: Stack, day: Day) -> Iterator[Finished]:
    """The day on the real stack: topics create, tables migrate, ingest, run until closed."""
    name = uuid.uuid4().hex[:12]
    line = Line(stack, f"finished-{name}.", f"finished_{name}", feeds=EVERY_FEED)
    line.create()
    ingested = {}
    for command, feed in FEEDS.items():
        done = line.command("ingest", command, str(day.files / feed))
        assert done.returncode == 0, done.stderr
        ingested[feed] = done.stdout
    run = line.command("run", "--until-caught-up", "--close")
    yield Finished(line, ingested, run)
    ask(stack.clickhouse_address, f"DROP DATABASE {line.settings.clickhouse_database}")
