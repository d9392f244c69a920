"""What sessionize costs when web_logs rows come at a steady rate."""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import psutil
import pyarrow as pa

from bench.installation import Installation, varied
from bench.measure import reference_cpu_s
from bench.speed import Speed
from bench.stage_run import cpu_s, joined, start, stop
from pipeline.app.commands.topics import create
from pipeline.domain.topics import WEB_LOGS
from pipeline.engine.stage import Block, Headers, MarkBlock
from pipeline.kafka.clients import reader
from pipeline.kafka.progress import Progress
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.kafka.ranges import fetch_range

INTERVALS_MS: Final = (500, 100, 5_000)
ROWS_PER_S: Final = 50_000
EVERY_S: Final = 0.25
SETTLE_S: Final = 4.0
ASK_EVERY: Final = 8
"""The lag is asked for once in so many publications."""

Load = list[Block | MarkBlock]


class Lane(NamedTuple):
    """A partition's rows, and its marks with the number of rows before each."""

    partition: int
    keys: pa.BinaryArray
    values: pa.BinaryArray
    marks: list[tuple[int, Headers]]

    def step(self, number: int, steps: int) -> Load:
        """Return one of so many shares, its marks behind its rows: no row becomes late by it."""
        first, end = (
            np.linspace(0, len(self.keys), steps + 1).round().astype(int)[number : number + 2]
        )
        rows = (each.slice(first, end - first) for each in (self.keys, self.values))
        last = number == steps - 1
        marks = [headers for place, headers in self.marks if first <= place < end + last]
        return [
            Block(WEB_LOGS.name, self.partition, *rows),
            *(MarkBlock(WEB_LOGS.name, self.partition, headers) for headers in marks),
        ]


def paced(installed: Installation, directory: Path) -> dict[str, Any]:
    """Publish the topic's rows and marks again, paced, with each commit interval in turn."""
    return asyncio.run(_paced(installed, directory))


async def _paced(installed: Installation, directory: Path) -> dict[str, Any]:
    loads, figures = await _loads(installed), dict[str, Any]()
    for interval in INTERVALS_MS:
        there = varied(
            installed,
            topic_prefix=f"paced-{interval}.",
            app_id="paced",
            commit_interval_ms=interval,
        )
        before = await asyncio.to_thread(reference_cpu_s)
        found = await _with_interval(there, loads, directory)
        found["reference_cpu_s"] = round((before + await asyncio.to_thread(reference_cpu_s)) / 2, 3)
        figures |= {f"paced_commits_{interval}_ms_{name}": said for name, said in found.items()}
    return figures


async def _with_interval(there: Installation, loads: list[Load], directory: Path) -> dict[str, Any]:
    """Publish under a prefix of its own; measure the worker there."""
    await asyncio.to_thread(create, there.settings, quiet=True)
    command = [sys.executable, "-m", "pipeline", "run", "sessionize"]
    with (directory / "paced.log").open("wb") as log:
        process = start(command, there.environment, log.fileno())
        try:
            await joined(there, "sessionize")
            worker = psutil.Process(process.pid)
            with Speed(directory / "speed.log", worker) as speed:
                return await _measure(there, loads, worker, speed)
        finally:
            stop(process)


async def _measure(
    there: Installation, loads: list[Load], worker: psutil.Process, speed: Speed
) -> dict[str, Any]:
    """Publish everything; count from SETTLE_S on to the last load."""
    group, lags = there.settings.group("sessionize"), list[int]()
    publisher = TransactionalPublisher(there.settings.kafka(), "paced")
    await publisher.start()
    settled, published = round(SETTLE_S / EVERY_S), 0
    try:
        async with Progress(there.settings.kafka()) as progress:
            began = time.monotonic()
            for number, load in enumerate(loads):
                await asyncio.sleep(max(began + number * EVERY_S - time.monotonic(), 0))
                if number == settled:
                    published = 0
                    earlier = await _commits(progress, group)
                    since, before = time.monotonic(), cpu_s(worker)
                await publisher.publish(load)
                published += sum(len(block.values) for block in load if isinstance(block, Block))
                if number > settled and number % ASK_EVERY == 0:
                    lag = await progress.lag(group, [WEB_LOGS.name])
                    lags.append(sum(each.behind for each in lag.values()))
            await asyncio.sleep(max(began + len(loads) * EVERY_S - time.monotonic(), 0))
            until, spent = time.monotonic(), cpu_s(worker) - before
            seconds = until - since
            commits = await _commits(progress, group) - earlier
        free = speed.free(since, until)
        return {
            "rows_per_s": round(published / seconds),
            "cpu_s_per_s": round(spent / seconds, 3),
            "cpu_s_per_free_s": round(free.cpu_s / max(free.seconds, 1e-9), 3),
            "free_s": round(free.seconds, 1),
            "free_look_ms": round(free.look_s * 1e3, 3),
            "commits_per_s": round(commits / seconds, 1),
            "largest_lag_rows": max(lags, default=0),
        }
    finally:
        await publisher.stop()


async def _commits(progress: Progress, group: str) -> int:
    """Return how many commits the tasks say they have made."""
    committed = await progress.committed(group, [WEB_LOGS.name])
    return sum(json.loads(each.metadata)["seq"] for each in committed.values())


async def _loads(installed: Installation) -> list[Load]:
    """Return what to publish every EVERY_S: the same share of each partition."""
    settings = installed.settings
    async with reader(settings.kafka(), raw=False) as consumer:
        lanes = []
        for partition in range(settings.partitions):
            keys, values, marks = list[bytes](), list[bytes](), list[tuple[int, Headers]]()
            found = fetch_range(consumer, settings.kafka(), WEB_LOGS.name, partition)
            async for fetch in found:
                for record in fetch.records:
                    if record.value is None:
                        marks.append((len(keys), tuple(record.headers)))
                    else:
                        keys.append(record.key or b"")
                        values.append(record.value)
            lane = pa.array(keys, pa.binary()), pa.array(values, pa.binary()), marks
            lanes.append(Lane(partition, *lane))
    steps = round(sum(len(lane.keys) for lane in lanes) / (ROWS_PER_S * EVERY_S))
    return [[block for lane in lanes for block in lane.step(n, steps)] for n in range(steps)]
