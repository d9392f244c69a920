"""What sessionize costs when web_logs rows come at a steady rate."""

import asyncio
import sys
import time
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import psutil
import pyarrow as pa

from bench.installation import Installation, varied
from bench.stage_run import cpu_s, start, stop
from pipeline.app.commands.topics import create
from pipeline.domain.topics import WEB_LOGS
from pipeline.engine.stage import Block
from pipeline.kafka.clients import reader
from pipeline.kafka.progress import Progress
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.kafka.ranges import fetch_range

ROWS_PER_S: Final = 50_000
EVERY_S: Final = 0.25
SETTLE_S: Final = 8.0
MEASURED_S: Final = 15.0


def paced(installed: Installation, directory: Path) -> dict[str, Any]:
    """Publish the topic's rows again, paced, under another prefix; measure the worker there."""
    return asyncio.run(_paced(installed, directory))


async def _paced(installed: Installation, directory: Path) -> dict[str, Any]:
    there = varied(installed, topic_prefix="paced.", app_id="paced", commit_interval_ms=500)
    await asyncio.to_thread(create, there.settings, quiet=True)
    loads = await _loads(installed)
    command = [sys.executable, "-m", "pipeline", "run", "sessionize"]
    with (directory / "paced.log").open("wb") as log:
        process = start(command, there.environment, log.fileno())
        try:
            return await _measure(there, loads, psutil.Process(process.pid))
        finally:
            stop(process)


async def _measure(
    there: Installation, loads: list[list[Block]], worker: psutil.Process
) -> dict[str, Any]:
    publisher = TransactionalPublisher(there.settings.kafka(), "paced")
    await publisher.start()
    began = time.monotonic()
    try:
        published, before, since, lags = 0, 0.0, 0.0, list[int]()
        async with Progress(there.settings.kafka()) as progress:
            for number, load in enumerate(cycle(loads)):
                await asyncio.sleep(max(began + number * EVERY_S - time.monotonic(), 0))
                elapsed = time.monotonic() - began
                if not since and elapsed >= SETTLE_S:
                    before, since, published = cpu_s(worker), time.monotonic(), 0
                if elapsed >= SETTLE_S + MEASURED_S:
                    break
                await publisher.publish(load)
                published += sum(len(block.values) for block in load)
                if since and number % 8 == 0:
                    lag = await progress.lag(there.settings.group("sessionize"), [WEB_LOGS.name])
                    lags.append(sum(each.behind for each in lag.values()))
        seconds = time.monotonic() - since
        return {
            "paced_rows_per_s": round(published / seconds),
            "paced_cpu_s_per_s": round((cpu_s(worker) - before) / seconds, 3),
            "paced_largest_lag_rows": max(lags, default=0),
        }
    finally:
        await publisher.stop()


async def _loads(installed: Installation) -> list[list[Block]]:
    """Return what to publish every EVERY_S: equal shares of all partitions."""
    settings = installed.settings
    share = round(ROWS_PER_S * EVERY_S / settings.partitions)
    lanes = []
    async with reader(settings.kafka(), raw=False) as consumer:
        for partition in range(settings.partitions):
            keys, values = list[bytes](), list[bytes]()
            found = fetch_range(consumer, settings.kafka(), WEB_LOGS.name, partition)
            async for fetch in found:
                rows = [record for record in fetch.records if record.value is not None]
                keys += [record.key or b"" for record in rows]
                values += [record.value or b"" for record in rows]
            lanes.append((pa.array(keys, pa.binary()), pa.array(values, pa.binary())))
    steps = min(len(keys) for keys, _ in lanes) // share
    return [
        [
            Block(WEB_LOGS.name, partition, *(each.slice(step * share, share) for each in lane))
            for partition, lane in enumerate(lanes)
        ]
        for step in range(steps)
    ]
