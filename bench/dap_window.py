"""One DAP window of millions of rows, the agent killed in it: ``python -m bench.dap_window``.

The real agent as a process against a server of DAP's wire and a Kafka of its own. It is killed with
-9 in the middle of a download, and at even shares of the window while it publishes, then left to
end. What the topic holds is compared with the source, row by row, and what the agent has counted of
it, hour by hour.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

import polars as pl
import psutil
from confluent_kafka import Consumer, TopicPartition

from bench.installation import Installation
from bench.kafka_alone import kafka_alone
from pipeline.app.topic_frames import topic_frame
from pipeline.app.wiring import schemas
from pipeline.domain.event_time import HOUR
from pipeline.domain.topics import COMPLETENESS, WEB_LOGS
from tests.support.canvas.dap_server import CLIENT_ID, CLIENT_SECRET, served_in_a_thread
from tests.support.canvas.large_window import LargeWindow

POLL_S: Final = 0.05


class Run(NamedTuple):
    """One process: how it ended, and what it took until then."""

    ended: str
    offsets: int
    cpu_s: float
    wall_s: float
    peak_mib: int


def main() -> None:
    """Run until the window is published, compare, print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m bench.dap_window", description=__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000)
    parser.add_argument("--rows-per-object", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=4, help="the first one in a download")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="canvas-telemetry-dap-") as name:
        directory = Path(name)
        objects = directory / "objects"
        objects.mkdir()
        server = LargeWindow(objects, given.rows, given.rows_per_object)
        packed = server.write()
        access = {"dap_client_id": CLIENT_ID, "dap_client_secret": CLIENT_SECRET}
        with (
            served_in_a_thread(server),
            kafka_alone(directory, dap_url=server.url, spool_dir=directory, **access) as installed,
        ):
            runs = _runs(installed, server, given.kills)
            compared = asyncio.run(_compared(installed, server))
    rows, cpu_s = given.rows, sum(run.cpu_s for run in runs)
    figures = {
        "rows": rows,
        "objects": server.objects,
        "packed_mib": packed >> 20,
        "runs": [run._asdict() for run in runs],
        "peak_mib": max(run.peak_mib for run in runs),
        "rows_per_s_core": round(rows / cpu_s),
        **compared,
    }
    print(json.dumps(figures, indent=1))
    sys.exit(0 if compared["equal"] else 1)


def _runs(installed: Installation, server: LargeWindow, kills: int) -> list[Run]:
    watch = _Watch(installed)
    runs = []
    for number in range(kills):
        if number == 0:
            asked = server.requests["signed"] + server.objects // 2
            runs.append(_run(installed, watch, lambda: server.requests["signed"] >= asked))  # noqa: B023
        else:
            share = server.count * number // kills
            runs.append(_run(installed, watch, lambda: watch.offsets() >= share))  # noqa: B023
        _say(runs[-1])
    runs.append(_run(installed, watch, lambda: False))
    _say(runs[-1])
    return runs


def _run(installed: Installation, watch: "_Watch", due: Callable[[], bool]) -> Run:
    """Run the agent for one window; kill it when it is due."""
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "pipeline", "ingest", "dap", "--once"],
        env=installed.environment,
        stdout=subprocess.DEVNULL,
    )
    # What the kernel notes as a child's peak begins with this process's own.
    agent, peak = psutil.Process(process.pid), 0
    killed = False
    while True:
        with suppress(psutil.NoSuchProcess):
            peak = max(peak, agent.memory_info().rss)
        ended, status, used = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        if not killed and due():
            process.kill()
            killed = True
        time.sleep(POLL_S)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, -signal.SIGKILL):
        raise SystemExit(f"the agent ended with {process.returncode}")
    return Run(
        "killed" if process.returncode else "done",
        watch.offsets(),
        round(used.ru_utime + used.ru_stime, 1),
        round(time.monotonic() - began, 1),
        peak >> 20,
    )


class _Watch:
    """Ends of the topic's partitions: rows, marks and markers of transactions."""

    def __init__(self, installed: Installation) -> None:
        settings = installed.settings
        self._topic = f"{settings.topic_prefix}{WEB_LOGS.name}"
        self._partitions = settings.partitions
        self._consumer = Consumer(
            {"bootstrap.servers": settings.kafka_bootstrap, "group.id": "bench-dap-window"}
        )

    def offsets(self) -> int:
        places = (TopicPartition(self._topic, number) for number in range(self._partitions))
        ends = (self._consumer.get_watermark_offsets(place, timeout=10) for place in places)
        return sum(end[1] for end in ends if end is not None)


async def _compared(installed: Installation, server: LargeWindow) -> dict[str, Any]:
    source = server.source()
    known = schemas(installed.settings)
    frame = await topic_frame(installed.settings, known, WEB_LOGS, source.columns)
    topic = frame.select(source.columns).sort("id")
    ids, wanted = topic["id"], source["id"]
    counts = ["start", "read", "published", "repeated"]
    counted = await topic_frame(installed.settings, known, COMPLETENESS, counts)
    hours = counted.group_by("start").agg(pl.col(counts[1:]).sum()).sort("start")
    rows = source.group_by(start=pl.col("timestamp") // HOUR * HOUR).len().sort("start")
    once = hours["read"].equals(hours["published"]) and hours["repeated"].sum() == 0
    agrees = once and hours["published"].to_list() == rows["len"].to_list()
    return {
        "in_the_topic": topic.height,
        "counted": hours["read"].sum(),
        "doubled": topic.height - ids.n_unique(),
        "missing": source.join(topic, on="id", how="anti").height,
        "foreign": topic.join(source, on="id", how="anti").height,
        "equal": ids.len() == wanted.len() and topic.equals(source) and agrees,
    }


def _say(run: Run) -> None:
    print(" ".join(f"{name} {value}" for name, value in run._asdict().items()), file=sys.stderr)


if __name__ == "__main__":
    main()
