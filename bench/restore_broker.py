"""How long a worker needs to get its state back from the broker.

    python -m bench.restore_broker [--sessions 1000000] [--history 1] [--lateness 270]

A Kafka of its own, 8 partitions. The input gets one row per session; a real ``sessionize`` worker
makes open sessions of them. With ``--history 10`` every session gets nine more rows, round by
round, so that the sessions topic holds ten records of each, nine of them superseded. Then the
worker is stopped and another one started. Its log says how long each opening took; from its
start, the time until it is ready and the CPU it took are measured.

What an opening reads apart from sessions is the event keys of the duplicate filter: all rows of
the input within the allowed lateness. The log says how long each of the two took.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import numpy as np
import psutil

from bench.broker_rows import BrokerRows
from bench.installation import Installation
from bench.kafka_alone import kafka_alone
from pipeline.app.catching_up import tallies
from pipeline.app.wiring import schemas
from pipeline.domain.topics import SESSIONS, WEB_LOGS
from pipeline.kafka.progress import Progress
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.local.child import tied

PARTITIONS = 8
BLOCK = 50_000
LIMIT_S = 540.0


class Started(NamedTuple):
    """A worker, its log, and where its metrics are."""

    process: subprocess.Popen[bytes]
    log: Path
    began: float


class Restored(NamedTuple):
    """From a worker's assignment to its readiness, and each task's opening."""

    ready_s: float
    cpu_s: float
    openings_s: list[float]
    sessions_s: float
    keys_s: float
    open_sessions: int
    held_keys: int


def start(installed: Installation, log: Path) -> Started:
    """Start a sessionize worker with metrics on."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            tied([sys.executable, "-m", "pipeline", "run", "sessionize"]),
            env={**installed.environment, "CANVAS_TELEMETRY_METRICS_PORT": "0"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    return Started(process, log, time.monotonic())


def lines(started: Started, event: str) -> list[dict[str, Any]]:
    """Return the log lines of an event."""
    said = started.log.read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in said if line.startswith("{")]
    return [line for line in found if line.get("event") == event]


async def until(condition: Callable[[], bool], started: Started) -> None:
    """Wait for a condition while the worker lives."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        if started.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(started.log.read_text(encoding="utf-8")[-2000:])
        await asyncio.sleep(0.05)


async def gauges(started: Started, name: str) -> float:
    """Return the sum of a metric over its labels."""
    port = int(lines(started, "metrics")[0]["port"])
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as answer,
    ):
        text = await answer.text()
    found = [line for line in text.splitlines() if line.startswith(f"canvas_telemetry_{name}{{")]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


def stop(started: Started) -> None:
    """Stop a worker, at once."""
    started.process.terminate()
    try:
        started.process.wait(30)
    finally:
        started.process.kill()
        started.process.wait()


async def publish(installed: Installation, sessions: int, rounds: range) -> None:
    """Publish a row of every session for each round, a minute of event time apart."""
    publisher = TransactionalPublisher(installed.settings.kafka(), "bench-feed", timeout_s=60)
    await publisher.start()
    rows = BrokerRows(schemas(installed.settings), publisher, first=rounds.start * sessions)
    day = time.time_ns() // 1000 - 3600 * 1_000_000
    try:
        for turn in rounds:
            for first in range(0, sessions, BLOCK):
                numbers = np.arange(first, min(first + BLOCK, sessions))
                times = np.full(len(numbers), day + turn * 60_000_000)
                await publisher.publish(list(rows.blocks(numbers, times)))
    finally:
        await publisher.stop()


async def consumed(installed: Installation, wanted: int, started: Started) -> None:
    """Wait until the worker has committed so many rows."""
    deadline = time.monotonic() + LIMIT_S
    while sum(each.consumed for each in (await tallies(installed.settings)).values()) < wanted:
        if started.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(started.log.read_text(encoding="utf-8")[-2000:])
        await asyncio.sleep(0.5)


async def fill(installed: Installation, sessions: int, history: int, logs: Path) -> int:
    """Make the state; return how many records the sessions topic holds."""
    started = start(installed, logs / "fill.log")
    try:
        for turn in range(history):
            await publish(installed, sessions, range(turn, turn + 1))
            # Round by round: otherwise a commit would write a session once for many rows.
            await consumed(installed, sessions * (turn + 1), started)
    finally:
        stop(started)
    async with Progress(installed.settings.kafka()) as progress:
        ends = await progress.ends([SESSIONS.name])
    return sum(ends.values())


async def restore(installed: Installation, log: Path) -> Restored:
    """Start a worker and measure until all of its partitions are open."""
    started = start(installed, log)
    watched = psutil.Process(started.process.pid)
    try:
        await until(lambda: bool(lines(started, "metrics")), started)
        cpu, began = sum(watched.cpu_times()[:2]), time.monotonic()
        await until(lambda: len(lines(started, "task opened")) == PARTITIONS, started)
        opened = lines(started, "task opened")
        return Restored(
            time.monotonic() - began,
            sum(watched.cpu_times()[:2]) - cpu,
            [line["seconds"] for line in opened],
            sum(line["read"].get(SESSIONS.name, 0.0) for line in opened),
            sum(line["read"].get(WEB_LOGS.name, 0.0) for line in opened),
            int(await gauges(started, "open_sessions")),
            int(await gauges(started, "held_event_keys")),
        )
    finally:
        stop(started)


async def measure(installed: Installation, arguments: argparse.Namespace, logs: Path) -> None:
    """Fill, then restore as often as asked."""
    began = time.monotonic()
    records = await fill(installed, arguments.sessions, arguments.history, logs)
    print(f"filled: {records:,} records in {time.monotonic() - began:.0f} s", flush=True)
    for turn in range(arguments.repeat):
        found = await restore(installed, logs / f"restore{turn}.log")
        print(
            f"{found.open_sessions:,} open sessions, {found.held_keys:,} keys: "
            f"ready after {found.ready_s:.1f} s, {found.cpu_s:.1f} CPU s, longest opening "
            f"{max(found.openings_s):.1f} s; reading sessions to keys like {found.sessions_s:.1f} "
            f"to {found.keys_s:.1f} (openings side by side, so only their ratio counts)",
            flush=True,
        )


def main() -> None:
    """Print a line per restore."""
    parser = argparse.ArgumentParser(prog="python -m bench.restore_broker", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--history", type=int, default=1, help="records of each session")
    parser.add_argument("--lateness", type=int, default=270, help="allowed lateness, minutes")
    parser.add_argument("--repeat", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="canvas-telemetry-bench-") as directory:
        # Without out-of-orderness nothing is late here; sessions stay open for they are recent.
        more = {"allowed_lateness_minutes": arguments.lateness, "web_logs_delay_s": 7200}
        with kafka_alone(Path(directory), **more) as installed:
            asyncio.run(measure(installed, arguments, Path(directory)))


if __name__ == "__main__":
    main()
