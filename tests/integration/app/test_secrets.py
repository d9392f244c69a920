"""Secrets in every place of every feed, through the line: none in ClickHouse, a log, a metric."""

import copy
import urllib.request
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.app.stages import STAGES
from pipeline.local.ports import free_port
from tests.support.canvas.audit_run import NOW as BEGIN
from tests.support.canvas.audit_run import happened
from tests.support.canvas.audit_server import (
    SECOND,
    TOKEN,
    FakeCanvas,
    Happened,
    rendered,
    served_beside,
)
from tests.support.clickhouse_http import ask
from tests.support.line import Line
from tests.support.planted_secrets import CALIPER, MARK, every_planted
from tests.support.raw_files import event_at, row_at, write_lines
from tests.support.stack import Stack

pytestmark = pytest.mark.stack

READ_BACK = ("web_logs", "live_events", "course_audit", "sessions", "dead_letters", "request_stats")


@pytest.mark.timeout(1800)
def test_no_secret_of_any_place_of_any_feed_is_in_clickhouse_a_log_or_a_metric(
    stack: Stack, topic_prefix: str, database: str, tmp_path: Path
) -> None:
    canvas = FakeCanvas()
    with served_beside(canvas):
        line = Line(
            stack,
            topic_prefix,
            database,
            audit_url=canvas.url,
            audit_token=TOKEN,
            keep_dead_letters_days="0",
            log_level="debug",
        )
        line.create()
        said = _ingested(line, canvas, tmp_path)
    ports = {stage: free_port() for stage in STAGES}
    for stage, port in ports.items():
        line.variables["metrics_port"] = str(port)
        line.start(stage, log=tmp_path / f"{stage}.log")
    line.caught_up(close=True)
    metrics = {stage: _metrics(port) for stage, port in ports.items()}
    line.stop()
    assert MARK not in said
    for stage in STAGES:
        logged = (tmp_path / f"{stage}.log").read_text()
        assert logged, stage
        assert MARK not in logged, stage
    for stage, text in metrics.items():
        assert "canvas_telemetry" in text, stage
        assert MARK not in text, stage
    tables = ask(stack.clickhouse_address, f"SHOW TABLES FROM {database}").text.split()
    assert set(READ_BACK) <= set(tables)
    for table in tables:
        everything = ask(
            stack.clickhouse_address,
            f"SELECT * FROM {database}.{table} FORMAT JSONEachRow",  # noqa: S608 - ours
        )
        assert everything.status == 200, everything.text
        assert MARK not in everything.text, table
        assert everything.text or table not in READ_BACK, table


def _ingested(line: Line, canvas: FakeCanvas, directory: Path) -> str:
    """Publish every feed with its agent; return what the agents said."""
    write_lines(directory / "rows.jsonl", list(every_planted(_row)))
    write_lines(
        directory / "events.jsonl", [*every_planted(_event), *every_planted(_caliper_event)]
    )
    for number, planted in enumerate(every_planted(lambda number: rendered(_change(number)))):
        change = _change(number)
        raw = {**planted, "created_at": rendered(change)["created_at"]}
        canvas.add(replace(change, raw=raw))
    arguments = (
        ("web-logs-files", str(directory / "rows.jsonl")),
        ("live-events-files", str(directory / "events.jsonl")),
        ("course-audit", "--once", "--since", "2026-02-15"),
    )
    said = ""
    for each in arguments:
        done = line.command("ingest", *each, "--max-bad-share", "1")
        assert done.returncode == 0, done.stderr
        said += done.stdout + done.stderr
    return said


def _row(number: int) -> dict[str, Any]:
    return row_at(number / 100, referrer="x", extra={"a": {"b": ["c"]}})


def _event(number: int) -> dict[str, Any]:
    more = {"url": "https://h/", "referrer": "https://h/", "user_agent": "x", "user_id": "5"}
    body = {"url": "https://h/", "nested": [{"text": "x"}], "user": {"name": "n"}}
    return {**event_at(number / 100, **more), "body": body}


def _caliper_event(_number: int) -> dict[str, Any]:
    document = copy.deepcopy(CALIPER)
    document["data"][0]["id"] = uuid.uuid4().urn
    return document


def _change(number: int) -> Happened:
    return happened(number, BEGIN + number * SECOND)


def _metrics(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        text: str = answer.read().decode()
        return text
