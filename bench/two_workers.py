"""Two sessionize workers and the broker on the same cores."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import psutil

from bench.installation import Installation
from bench.stage_run import StageFailedError, cpu_s, rows_consumed
from pipeline.domain.topics import WEB_LOGS
from pipeline.kafka.progress import Progress
from pipeline.local.child import tied

WORKERS: Final = 2
LIMIT_S: Final = 240.0


def two_workers(installed: Installation, directory: Path) -> dict[str, Any]:
    """Let two workers catch up, unpinned; return rows a second on the wall and who took what."""
    broker = _broker()
    broker.cpu_affinity([])  # an empty list means every core
    command = [sys.executable, "-m", "pipeline", "run", "sessionize"]
    with (directory / "two.log").open("wb") as log:
        workers = [
            subprocess.Popen(
                tied(command),
                env=installed.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_all_cores,  # noqa: PLW1509 - no threads of ours are running
            )
            for _ in range(WORKERS)
        ]
        try:
            watched = [psutil.Process(worker.pid) for worker in workers]
            return asyncio.run(_watch(installed, watched, broker))
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(30)


async def _watch(
    installed: Installation, workers: list[psutil.Process], broker: psutil.Process
) -> dict[str, Any]:
    group = installed.settings.group("sessionize")
    deadline = time.monotonic() + LIMIT_S
    async with Progress(installed.settings.kafka()) as progress:
        first = await _lag(progress, group)
        while await _lag(progress, group) == first:
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


def _all_cores() -> None:
    psutil.Process().cpu_affinity([])


def _broker() -> psutil.Process:
    """Return the broker among this process's children."""
    for child in psutil.Process().children(recursive=True):
        if "kafka.Kafka" in child.cmdline():
            return child
    raise StageFailedError("no broker runs below this process")
