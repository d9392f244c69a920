"""The Course Audit agent as a process, on real Kafka and ClickHouse, killed again and again."""

import random
import subprocess
import sys
import time

import pytest

from pipeline.domain.topics import COURSE_AUDIT, DEAD_LETTERS
from pipeline.sink.client import client_of
from pipeline.sink.queries import query
from tests.support.canvas.audit_run import happened
from tests.support.canvas.audit_server import (
    SECOND,
    TOKEN,
    FakeCanvas,
    Happened,
    rendered,
    served_beside,
)
from tests.support.line import Line
from tests.support.stack import Stack
from tests.support.waiting import LIMIT_S

pytestmark = [pytest.mark.stack, pytest.mark.crash]

KILLS = 20
ACCOUNTS = 40
VIEW, SESSION = "1dd9dc6f-2fb0-4c19-a6c5-7ee1bf3ed295", "ef686f8ed684abf78cbfa1f6a58112b5"


@pytest.mark.timeout(1800)
def test_an_agent_killed_20_times_publishes_what_canvas_holds_exactly(
    stack: Stack, topic_prefix: str, database: str
) -> None:
    rng = random.Random(20)
    begin = int(time.time()) * SECOND
    events = [_event(number, begin - rng.randrange(40 * 60 * SECOND), rng) for number in range(900)]
    canvas = FakeCanvas(events, parents=dict.fromkeys(range(2, ACCOUNTS + 1), 1) | {1: None})
    canvas.most_per_page = 10
    with served_beside(canvas):
        line = Line(
            stack,
            topic_prefix,
            database,
            audit_url=canvas.url,
            audit_token=TOKEN,
            audit_every_minutes="1",
            audit_overlap_minutes="60",
            audit_requests_per_hour="72000",  # 20 a second: a round is longer than a life
        )
        line.create()
        lives = [_one_life(line, canvas, rng, number) for number in range(KILLS)]
        line.variables["audit_requests_per_hour"] = "36000000"
        for _ in range(2):  # the round that was left, and one over what came since
            ended = line.command("ingest", "course-audit", "--once")
            assert ended.returncode == 0, ended.stderr
        good = [event for event in canvas.events if event.raw is None]
        assert all(lives), "each was killed at work"
        assert _ids(line) == sorted(event.id for event in good)
        assert len(line.records(DEAD_LETTERS)) == len(canvas.events) - len(good)
    assert line.command("run", "sink", "--until-caught-up").returncode == 0
    with client_of(line.settings.clickhouse()) as client:
        counted = (
            "SELECT count(), uniqExact(id), countIf(session_id = {s:String}) FROM course_audit"
        )
        (found,) = query(client, counted, {"s": SESSION}).rows
    assert found == (len(good), len(good), sum(event.session is not None for event in good))
    _check_letters(line, len(canvas.events) - len(good))


def _check_letters(line: Line, dead: int) -> None:
    """Handle the bad events as an operator would; the sink does not run meanwhile."""
    assert dead > 0
    assert f"{dead} dead letters" in _letters(line, "list", "--feed", "course_audit")
    chosen = ("--source", "course-audit")
    still = _letters(line, "replay", *chosen)
    assert f"0 replayed as 0 records, {dead} still dead, 0 done before" in still
    assert f"{dead} still dead: links.course is missing" in still
    assert f"{dead} discarded, 0 still dead" in _letters(line, "discard", *chosen)
    assert f"0 discarded, 0 still dead, {dead} done before" in _letters(line, "discard", *chosen)
    assert line.command("run", "sink", "--until-caught-up").returncode == 0
    assert "0 dead letters" in _letters(line, "list")
    assert f"{dead} dead letters" in _letters(line, "list", "--all")


def _letters(line: Line, *arguments: str) -> str:
    ended = line.command("dead-letters", *arguments)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def _one_life(line: Line, canvas: FakeCanvas, rng: random.Random, number: int) -> bool:
    """Run the agent for a while and kill it; tell whether it had asked for events."""
    asked = canvas.requests["audit"]
    canvas.add(_event(10_000 + number, int(time.time() - 1) * SECOND, rng))
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "ingest", "course-audit"],
        env=line.environment,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + LIMIT_S
    while canvas.requests["audit"] == asked and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(rng.uniform(0.0, 1.5))
    process.kill()
    process.wait()
    return canvas.requests["audit"] > asked


def _event(number: int, at: int, rng: random.Random) -> Happened:
    account = rng.randrange(1, ACCOUNTS + 1)
    event = happened(number, at, account=account)
    if number % 100 == 7:
        return happened(number, at, account=account, raw={**rendered(event), "links": {}})
    if number % 100 == 9:
        return happened(number, at, account=account, page_view=VIEW, session=SESSION)
    return event


def _ids(line: Line) -> list[str]:
    return sorted(row["id"] for row in line.records(COURSE_AUDIT))
