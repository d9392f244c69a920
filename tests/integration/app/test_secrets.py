"""Secrets in every place of every feed, through the line: none in ClickHouse, a log, a metric."""

import asyncio
import contextlib
import copy
import json
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pipeline.app.settings import PREFIX
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
from tests.support.canvas.dap_server import CLIENT_ID, CLIENT_SECRET, DapServer, served_in_a_thread
from tests.support.canvas.sqs_server import CREDENTIALS, REGION, sqs_server
from tests.support.clickhouse_http import ask
from tests.support.line import Line
from tests.support.planted_secrets import CALIPER, MARK, every_planted
from tests.support.raw_files import event_at, row_at, write_lines
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = pytest.mark.stack

LIVE_AGENTS = ("live-events-http", "live-events-sqs")
SQS = ("live-events-sqs", "--max-bad-share", "1")
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
        assert table != "live_events" or all(each in everything.text for each in LIVE_AGENTS)


def _ingested(line: Line, canvas: FakeCanvas, directory: Path) -> str:
    """Publish every feed with its agents; return what the agents said, metrics among it."""
    write_lines(directory / "rows.jsonl", list(every_planted(_row)))
    write_lines(directory / "events.jsonl", _events())
    for number, planted in enumerate(every_planted(lambda number: rendered(_change(number)))):
        change = _change(number)
        raw = {**planted, "created_at": rendered(change)["created_at"]}
        canvas.add(replace(change, raw=raw))
    arguments = (
        ("web-logs-files", str(directory / "rows.jsonl")),
        ("live-events-files", str(directory / "events.jsonl")),
        ("course-audit", "--once", "--since", "2026-02-15"),
    )
    said = "".join(_said(line, *each) for each in arguments)
    return said + _said_by_dap(line) + _said_by_live_agents(line, directory)


def _said(line: Line, *arguments: str) -> str:
    done = line.command("ingest", *arguments, "--max-bad-share", "1")
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def _said_by_dap(line: Line) -> str:
    server = DapServer()
    values = every_planted(lambda number: dict(_row(number)["value"]))
    server.commit([{**_row(number), "value": value} for number, value in enumerate(values)])
    with served_in_a_thread(server):
        line.variables |= {
            "dap_url": server.url,
            "dap_client_id": CLIENT_ID,
            "dap_client_secret": CLIENT_SECRET,
        }
        return _said(line, "dap", "--once")


def _said_by_live_agents(line: Line, directory: Path) -> str:
    """Post events as Canvas does, and put others on a queue, for both agents at once.

    None is a copy of another: of copies ClickHouse would show the first alone.
    """
    port = free_port()
    by_https = {"http_port": port, "http_signed": False, "http_path_secret": "agreed-upon"}
    address = f"http://127.0.0.1:{port}/live-events/agreed-upon"
    with sqs_server() as server:
        queue = server.create("secrets")
        server.put(queue, [json.dumps(event) for event in _events()])
        by_sqs = {
            "sqs_queue_url": queue,
            "sqs_region": REGION,
            "sqs_endpoint_url": server.endpoint,
            # A server of one thread: every receiver that waits asks it again and again.
            "sqs_receivers": 2,
            "sqs_wait_s": 1,
        }

        async def is_empty() -> bool:
            return await asyncio.to_thread(server.left, queue) == (0, 0)

        with (
            _running(line, directory / "sqs.log", *SQS, **by_sqs) as sqs,
            _running(line, directory / "https.log", "live-events-http", **by_https) as https,
        ):
            asyncio.run(_posted(address, _events()))
            asyncio.run(until(is_empty))
            metrics = _metrics(sqs) + _metrics(https)
    logs = [(directory / name).read_text() for name in ("sqs.log", "https.log")]
    assert all(logs)
    return "".join([*logs, metrics])


@contextlib.contextmanager
def _running(line: Line, log: Path, *arguments: str, **values: object) -> Iterator[int]:
    """Run a live agent; give the port of its metrics."""
    metrics_port = free_port()
    variables = {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()}
    variables |= {f"{PREFIX}METRICS_PORT": str(metrics_port), **CREDENTIALS}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline", "ingest", *arguments],
            env=line.environment | variables,
            stdout=output,
            stderr=output,
        )
    try:
        yield metrics_port
    finally:
        process.terminate()
        assert process.wait(60) == 0


async def _posted(address: str, events: list[dict[str, Any]]) -> None:
    at_once = asyncio.Semaphore(64)
    ready = address.replace("/live-events/agreed-upon", "/readyz")
    async with aiohttp.ClientSession() as session:

        async def is_ready() -> bool:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(ready) as reply:
                    return reply.status == 200
            return False

        async def post(event: dict[str, Any]) -> int:
            async with at_once, session.post(address, json=event) as reply:
                return reply.status

        await until(is_ready)
        answers = await asyncio.gather(*map(post, events))
    assert set(answers) == {204}


def _row(number: int) -> dict[str, Any]:
    return row_at(number / 100, referrer="x", extra={"a": {"b": ["c"]}})


def _events() -> list[dict[str, Any]]:
    """Return events unlike all others, in both formats, with every secret in every place."""
    return [*every_planted(_event), *every_planted(_caliper_event)]


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
