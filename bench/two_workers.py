"""Two sessionize workers and the broker on the same cores."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any, Final

import psutil

from bench.installation import Installation
from bench.measure import server_on_all_cores
from bench.stage_run import StageFailedError, cpu_s, has_partitions, rows_consumed, start, stop
from pipeline.domain.topics import WEB_LOGS
from pipeline.kafka.clients import admin_client
from pipeline.kafka.progress import Progress

WORKERS: Final = 2
LIMIT_S: Final = 240.0


def two_workers(installed: Installation, directory: Path) -> dict[str, Any]:
    """Let two workers catch up, unpinned; return rows a second on the wall and who took what."""
    broker = server("kafka.Kafka")
    command = [sys.executable, "-m", "pipeline", "run", "sessionize"]
    with (
        (directory / "two.log").open("wb") as log,
        server_on_all_cores(broker),
    ):
        workers = [
            start(command, installed.environment, log.fileno(), pinned=False)
            for _ in range(WORKERS)
        ]
        try:
            watched = [psutil.Process(worker.pid) for worker in workers]
            return asyncio.run(_watch(installed, watched, broker))
        finally:
            for worker in workers:
                stop(worker)


async def _watch(
    installed: Installation, workers: list[psutil.Process], broker: psutil.Process
) -> dict[str, Any]:
    group = installed.settings.group("sessionize")
    kafka, deadline = installed.settings.kafka(), time.monotonic() + LIMIT_S
    async with admin_client(kafka) as admin, Progress(kafka) as progress:
        while not await has_partitions(admin, kafka.named(group), WORKERS):
            await _pause(deadline)
        rows = await rows_consumed(installed)
        began, spent = time.monotonic(), [cpu_s(each) for each in (*workers, broker)]
        while await _lag(progress, group):
            await _pause(deadline)
        wall = time.monotonic() - began
        *ours, theirs = (
            cpu_s(each) - before for each, before in zip((*workers, broker), spent, strict=True)
        )
    rows = await rows_consumed(installed) - rows
    return {
        "two_workers_rows_per_s_wall": round(rows / wall),
        "two_workers_cpu_s_per_s": round(sum(ours) / wall, 2),
        "two_workers_broker_cpu_s_per_s": round(theirs / wall, 2),
    }


async def _lag(progress: Progress, group: str) -> int:
    return sum(each.behind for each in (await progress.lag(group, [WEB_LOGS.name])).values())


async def _pause(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise StageFailedError(f"two workers did not catch up within {LIMIT_S:.0f} s")
    await asyncio.sleep(0.1)


def server(word: str) -> psutil.Process:
    """Return the process with this word in its command among this one's children."""
    for child in psutil.Process().children(recursive=True):
        if word in child.cmdline():
            return child
    raise StageFailedError(f"no {word} runs below this process")
