"""Rows of a file that were dead, replayed on the real stack: once, however often cut off."""

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.app.ingesting import KafkaCursors, agent_options
from pipeline.app.wiring import schemas
from pipeline.domain.event_time import HOUR
from pipeline.domain.topics import DEAD_LETTER_ACTIONS, DEAD_LETTERS, WEB_LOGS
from pipeline.ingest.web_log_files import ingest_web_logs_files
from pipeline.kafka.publisher import TransactionalPublisher
from tests.support.canvas.dap_formats import exported
from tests.support.clickhouse_http import ask
from tests.support.line import Line
from tests.support.raw_files import micros, row_at
from tests.support.stack import Stack
from tests.support.topic_end import topic_end

pytestmark = [pytest.mark.stack, pytest.mark.crash]

ROWS = 2_000
"""A transaction takes 200 of them, and about a second."""
KILLS = 6


@pytest.mark.timeout(900)
def test_a_replay_killed_over_and_over_publishes_every_dead_row_of_a_table_once(
    stack: Stack, topic_prefix: str, database: str, tmp_path: Path
) -> None:
    """The rows lay in the future of the agent that read them; they have secrets in their URLs."""
    line = Line(stack, topic_prefix, database, keep_dead_letters_days="0")
    line.create()
    rows = [row_at(at / 10, url=f"/x?access_token=S3cr3t&n={at}") for at in range(ROWS)]
    path = tmp_path / "early.csv"
    path.write_bytes(exported(rows, "csv", packed=False))
    asyncio.run(_ingest_too_early(line, path))
    assert len(line.records(DEAD_LETTERS)) == ROWS
    line.start("sink")
    _until_in_clickhouse(line, stack)
    line.stop()
    rng = random.Random(3)
    with topic_end(stack, f"{topic_prefix}{DEAD_LETTER_ACTIONS.name}") as done_to:
        partly = sum(
            _killed(line, done_to, rng.uniform(0.0, 0.3) if number else 0.0)
            for number in range(KILLS)
        )
    assert partly, "no run was killed in the middle of its letters"
    done = line.command("dead-letters", "replay", "--reason", "time")
    assert done.returncode == 0, done.stderr
    again = line.command("dead-letters", "replay", "--reason", "time")
    assert f"0 replayed as 0 records, 0 still dead, {ROWS:,} done before" in again.stdout
    published = line.records(WEB_LOGS)
    assert Counter(row["id"] for row in published) == Counter(row["key"]["id"] for row in rows)
    assert "S3cr3t" not in json.dumps(published, default=str)
    assert len({row["letter"] for row in line.records(DEAD_LETTER_ACTIONS)}) == ROWS


async def _ingest_too_early(line: Line, path: Path) -> None:
    connection = line.settings.kafka(client_id="early")
    publisher = TransactionalPublisher(connection, f"{line.settings.topic_prefix}early")
    await publisher.start()
    try:
        await ingest_web_logs_files(
            [str(path)],
            publisher=publisher,
            cursors=KafkaCursors(connection),
            schemas=schemas(line.settings),
            options=agent_options(line.settings, max_bad_share=1.0),
            clock=lambda: micros(0) - 24 * HOUR,
        )
    finally:
        await publisher.stop()


def _until_in_clickhouse(line: Line, stack: Stack) -> None:
    view = f"{line.settings.clickhouse_database}.dead_letters_by_id"
    statement = f"SELECT count() FROM {view}"  # noqa: S608 - ours
    deadline = time.monotonic() + 120
    while int(ask(stack.clickhouse_address, statement).body) < ROWS:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def _killed(line: Line, done_to: Callable[[], int], pause_s: float) -> bool:
    """Kill a replay while it publishes; tell whether letters were left to it and others done."""
    before = done_to()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "dead-letters", "replay", "--reason", "time"],
        env=line.environment,
        stdout=subprocess.DEVNULL,
    )
    while process.poll() is None and done_to() == before:
        time.sleep(0.002)
    time.sleep(pause_s)
    process.kill()
    ended = process.wait()
    return ended == -signal.SIGKILL and len(line.records(DEAD_LETTER_ACTIONS)) < ROWS
