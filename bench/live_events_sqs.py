"""Live Events from an SQS queue: ``python -m bench.live_events_sqs``.

The real agent on one core; the queue (``bench/sqs_server.py``) and the broker on the other. Events
are a simulated university's, ten in a receive, as SQS gives them at most.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

import psutil

from bench.feeds import HOURS, START_US
from bench.installation import Installation, installation, varied
from bench.measure import leave_measured_core
from bench.stage_run import cpu_s, start, stop
from pipeline.simulator.config import SimulationConfig
from pipeline.simulator.files import simulate

TARGET: Final = 3_000
"""Events a second and process."""
WARM: Final = 5_000
"""Events before the first that is counted."""
_EVENTS_PER_USER: Final = 20
"""Rather few: a simulated person makes more than that on a working day."""
_CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}


def main() -> None:
    """Measure, print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m bench.live_events_sqs", description=__doc__)
    parser.add_argument("--events", type=int, default=30_000)
    given = parser.parse_args()
    leave_measured_core()
    with tempfile.TemporaryDirectory(prefix="canvas-telemetry-sqs-") as name:
        directory = Path(name)
        events = _events(directory, given.events + WARM)
        with installation(directory / "stack", lambda _: None) as installed:
            print(json.dumps(_measured(events, installed, directory), indent=1))


def _events(directory: Path, most: int) -> Path:
    config = SimulationConfig(users=most // _EVENTS_PER_USER, hours=HOURS, start_us=START_US)
    simulate(config, directory / "canvas", lambda _hours: None)
    path = directory / "events.jsonl"
    lines: list[bytes] = []
    for part in sorted((directory / "canvas" / "live_events").glob("*")):
        lines += part.read_bytes().splitlines()
    if len(lines) < most:
        raise SystemExit(f"the simulated day has only {len(lines)} events")
    path.write_bytes(b"\n".join(lines[:most]))
    return path


def _measured(events: Path, installed: Installation, directory: Path) -> dict[str, Any]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    server = subprocess.Popen([sys.executable, "-m", "bench.sqs_server", str(port), str(events)])
    values: dict[str, Any] = {
        "sqs_queue_url": f"{address}/1/canvas-live-events-bench",
        "sqs_endpoint_url": address,
        "sqs_region": "us-east-1",
    }
    command = [sys.executable, "-m", "pipeline", "ingest", "live-events-sqs"]
    try:
        _counts(port)
        with (directory / "agent.log").open("wb") as log:
            environment = {**varied(installed, **values).environment, **_CREDENTIALS}
            process = start(command, environment, log.fileno())
            try:
                return _rate(port, process)
            finally:
                stop(process)
    finally:
        server.kill()
        server.wait()


def _rate(port: int, process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    agent = psutil.Process(process.pid)
    first = _wait_for(port, process, WARM)
    cpu, wall = cpu_s(agent), time.perf_counter()
    last = _wait_for(port, process, _counts(port)["of"])
    cpu_used, wall_used = cpu_s(agent) - cpu, time.perf_counter() - wall
    return {
        "events": last - first,
        "events_per_s_core": round((last - first) / cpu_used),
        "events_per_s_wall": round((last - first) / wall_used),
        "target": TARGET,
        "peak_mib": agent.memory_info().rss >> 20,
    }


def _wait_for(port: int, process: "subprocess.Popen[bytes]", deleted: int) -> int:
    """Return how many messages are deleted, once so many are."""
    while process.poll() is None:
        done: int = _counts(port)["deleted"]
        if done >= deleted:
            return done
        time.sleep(0.05)
    raise SystemExit(f"the agent ended with {process.returncode}")


def _counts(port: int) -> dict[str, int]:
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/counts", timeout=5) as reply:
                counts: dict[str, int] = json.load(reply)
                return counts
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise SystemExit("the queue does not answer")


if __name__ == "__main__":
    main()
