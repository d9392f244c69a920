"""``ingest dap`` killed with -9 over and over: the topics hold exactly what DAP has."""

import contextlib
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pipeline.app.commands.topics import create
from pipeline.domain.topics import DEAD_LETTERS, ERASURES, WEB_LOGS
from tests.support.canvas.dap_server import CLIENT_ID, CLIENT_SECRET, DapServer, served_in_a_thread
from tests.support.line import Line
from tests.support.raw_files import delete, row_at
from tests.support.stack import Stack
from tests.support.topic_end import topic_end

pytestmark = [pytest.mark.stack, pytest.mark.crash]

KILLS = 20
MOST_KILLS = 60
ROWS = 45_000
"""Of one window; it goes out in transactions of 20,000."""


@pytest.mark.timeout(1800)
def test_a_killed_agent_publishes_every_row_delete_and_dead_letter_once(
    stack: Stack, topic_prefix: str
) -> None:
    """Half of the kills come after a transaction, half at any moment of a window.

    Half of them are followed by a download of other objects in another order.
    """
    rng = random.Random(5)
    server = DapServer(5)
    server.polls = 0
    server.rows_per_object = 5_000
    with served_in_a_thread(server), topic_end(stack, topic_prefix + WEB_LOGS.name) as visible:
        line = Line(
            stack,
            topic_prefix,
            "unused",
            dap_url=server.url,
            dap_client_id=CLIENT_ID,
            dap_client_secret=CLIENT_SECRET,
        )
        create(line.settings, quiet=True)
        expected = _window(server, 0)
        kills = windows = partly = 0
        longest_s = 1.2
        while kills < KILLS or not partly:
            assert kills < MOST_KILLS, "no kill fell between two transactions of a window"
            pause_s = None if rng.random() < 0.5 else rng.uniform(0.0, longest_s)
            said = _said(line, server, visible, pause_s)
            if said is None:
                kills += 1
                longest_s *= 1.1
                if rng.random() < 0.5:
                    server.forget_jobs()
                continue
            # Killed where it had published something and had something left: it says what it skips.
            partly += " already" in said
            longest_s /= 1.1
            windows += 1
            server.now += timedelta(hours=4)
            expected += _window(server, windows)
        assert line.command("ingest", "dap", "--once").returncode == 0
        status = line.command("ingest", "dap", "status").stdout
    published = Counter(row["id"] for row in line.records(WEB_LOGS))
    assert published == Counter(d["key"]["id"] for d in expected if d.get("value", {}).get("url"))
    assert f"{windows + 1:,} windows done, {published.total():,} rows" in status
    erased = Counter(row["subject"] for row in line.records(ERASURES))
    assert erased == Counter(d["key"]["id"] for d in expected if "value" not in d)
    dead = Counter(row["payload_sha256"] for row in line.records(DEAD_LETTERS))
    assert dead.total() == len(dead) == len(expected) - published.total() - erased.total()


def _window(server: DapServer, number: int) -> list[dict[str, Any]]:
    rows = [row_at(number * 240 + at * 240 / ROWS) for at in range(ROWS)]
    rows += [delete() for _ in range(50)]
    rows += [row_at(number * 240 + at, url=...) for at in range(50)]
    server.commit(rows)
    return rows


def _said(
    line: Line, server: DapServer, visible: Callable[[], int], pause_s: float | None
) -> str | None:
    """Run the agent for one window and kill it before it is done.

    ``pause_s`` after it asked for its last object; None: when its next transaction shows.
    Returns what it said of the window; None if it was killed.
    """
    asked = server.requests["signed"]
    objects = -(-(ROWS + 100) // server.rows_per_object)
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "ingest", "dap", "--once"],
        env=line.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    if pause_s is None:
        while process.poll() is None and server.requests["signed"] == asked:
            time.sleep(0.002)
        shown = visible()  # with the markers of what the agent before left open
        while process.poll() is None and visible() == shown:
            time.sleep(0.002)
    else:
        while process.poll() is None and server.requests["signed"] < asked + objects:
            time.sleep(0.01)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(pause_s or 0.0)
    process.kill()
    said, _ = process.communicate()
    if process.returncode == -signal.SIGKILL:
        return None
    assert process.returncode == 0
    return said
