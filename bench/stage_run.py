"""A stage's real worker process catching up with its topics, and what that cost."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import psutil
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from bench.installation import Installation
from bench.measure import Cost, Rate, on_all_cores, on_measured_core
from pipeline.app.catching_up import tallies
from pipeline.app.stages import input_topics
from pipeline.domain.topics import REQUEST_DELTAS
from pipeline.kafka.clients import admin_client
from pipeline.kafka.progress import Progress
from pipeline.local.child import tied

POLL_S: Final = 0.05
LIMIT_S: Final = 240.0


class CaughtUp(NamedTuple):
    """From the moment the group had its partitions to the last commit."""

    cost: Cost
    startup_cpu_s: float
    peak_bytes: int

    def rate(self, rows: int) -> Rate:
        """Return the rate of so many rows."""
        return Rate(rows, *self)


class StageFailedError(Exception):
    """A worker ended by itself, or did not catch up in time."""


def catch_up(installed: Installation, stage: str, log_dir: Path) -> CaughtUp:
    """Run ``canvas-telemetry run <stage>`` until it has no lag; stop it."""
    command = [sys.executable, "-m", "pipeline", "run", stage]
    with (log_dir / f"{stage}.log").open("wb") as log:
        process = start(command, installed.environment, log.fileno())
        try:
            return asyncio.run(_watch(installed, stage, process))
        except StageFailedError as error:
            said = Path(log.name).read_text(encoding="utf-8", errors="replace")[-2000:]
            raise StageFailedError(f"{stage}: {error}\n{said}") from None
        finally:
            stop(process)


def start(
    command: Sequence[str],
    environment: dict[str, str],
    output: int,
    errors: int = subprocess.STDOUT,
    *,
    pinned: bool = True,
) -> subprocess.Popen[bytes]:
    """Start a process on the measured core, or on all of them."""
    with on_measured_core() if pinned else on_all_cores():
        return subprocess.Popen(
            tied(command),
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the process to end; end it if it does not."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def _watch(installed: Installation, stage: str, process: subprocess.Popen[bytes]) -> CaughtUp:
    settings = installed.settings
    group, topics = settings.group(stage), input_topics(stage, settings)
    watched, deadline = psutil.Process(process.pid), time.monotonic() + LIMIT_S
    async with admin_client(settings.kafka()) as admin, Progress(settings.kafka()) as progress:
        while not await has_partitions(admin, settings.kafka().named(group)):
            await _pause(process, deadline)
        startup, began, largest = cpu_s(watched), time.monotonic(), 0
        while any(lag.behind for lag in (await progress.lag(group, topics)).values()):
            largest = max(largest, watched.memory_info().rss)
            await _pause(process, deadline)
        cost = Cost(cpu_s(watched) - startup, time.monotonic() - began)
    return CaughtUp(cost, startup, largest)


async def has_partitions(admin: AIOKafkaAdminClient, group: str, members: int = 1) -> bool:
    """Tell whether the group of so many is past its rebalance: then chunks begin to flow."""
    try:
        answers = await admin.describe_consumer_groups([group])
    except KafkaError:  # the broker creates the topic of groups with the first of them
        return False
    return any(
        each[2] == "Stable" and len(each[5]) == members
        for answer in answers
        for each in answer.groups
    )


async def joined(installed: Installation, stage: str) -> None:
    """Wait until a worker of the stage has its partitions."""
    kafka, deadline = installed.settings.kafka(), time.monotonic() + LIMIT_S
    async with admin_client(kafka) as admin:
        while not await has_partitions(admin, kafka.named(installed.settings.group(stage))):
            if time.monotonic() > deadline:
                raise StageFailedError(f"{stage} did not join within {LIMIT_S:.0f} s")
            await asyncio.sleep(POLL_S)


async def _pause(process: subprocess.Popen[bytes], deadline: float) -> None:
    if process.poll() is not None:
        raise StageFailedError(f"the worker ended with {process.returncode}")
    if time.monotonic() > deadline:
        raise StageFailedError(f"did not catch up within {LIMIT_S:.0f} s")
    await asyncio.sleep(POLL_S)


def cpu_s(process: psutil.Process) -> float:
    """CPU-seconds of a process so far, all threads."""
    times = process.cpu_times()
    return float(times.user + times.system)


async def rows_consumed(installed: Installation) -> int:
    """Return how many rows sessionize says it has consumed."""
    return sum(tally.consumed for tally in (await tallies(installed.settings)).values())


async def deltas_read(installed: Installation) -> int:
    """Return how many deltas detect says it has added up."""
    settings = installed.settings
    async with Progress(settings.kafka()) as progress:
        committed = await progress.committed(settings.group("detect"), [REQUEST_DELTAS.name])
    return sum(json.loads(each.metadata)["n"][0] for each in committed.values())
