"""How long partitions stand still while workers of a group come, go and die.

    python -m bench.rebalance [--workers 3] [--rows 400] [--session 6] [--heartbeat S]

A Kafka of its own, real ``sessionize`` workers, 8 partitions that all get rows ten times a
second. The committed offset of every partition is asked for twenty times a second; a partition
stands still from one advance to the next, the commit interval (0.5 s) included. A partition is
unaffected by an event when the same worker has it before and after.
"""

import argparse
import asyncio
import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import KafkaError

from bench.broker_rows import BrokerRows
from bench.installation import Installation
from bench.kafka_alone import kafka_alone
from pipeline.app.wiring import schemas
from pipeline.domain.topics import WEB_LOGS
from pipeline.kafka.clients import admin_client
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.local.child import tied

PARTITIONS = 8
SAMPLE_S = 0.05
FEED_S = 0.1
SETTLE_S = 12.0


@dataclass
class Watch:
    """When each partition's committed offset advanced."""

    installed: Installation
    admin: AIOKafkaAdminClient
    advances: dict[int, list[float]] = field(
        default_factory=lambda: {number: [] for number in range(PARTITIONS)}
    )

    @property
    def group(self) -> str:
        """The group's name on the brokers."""
        return self.installed.settings.group("sessionize")

    async def run(self) -> None:
        """Sample for ever."""
        places = [TopicPartition(WEB_LOGS.name, number) for number in range(PARTITIONS)]
        last = dict.fromkeys(range(PARTITIONS), -1)
        while True:
            with contextlib.suppress(KafkaError):
                found = await self.admin.list_consumer_group_offsets(self.group, partitions=places)
                for tp, committed in found.items():
                    if committed.offset > last[tp.partition]:
                        last[tp.partition] = committed.offset
                        self.advances[tp.partition].append(time.monotonic())
            await asyncio.sleep(SAMPLE_S)

    async def owners(self) -> tuple[str, dict[int, str]]:
        """Return the group's state, and which member has each partition."""
        try:
            (answer,) = await self.admin.describe_consumer_groups([self.group])
        except KafkaError:
            return "unknown", {}
        group = answer.groups[0]
        found: dict[int, str] = {}
        for member in group[5]:
            if not member[4]:
                continue
            for _, partitions in ConsumerProtocol.ASSIGNMENT.decode(member[4]).assignment:
                found.update(dict.fromkeys(partitions, member[0]))
        return group[2], found

    async def stable(self, workers: int, limit_s: float = 180.0) -> dict[int, str]:
        """Wait until so many members share all partitions, and every partition advances."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            state, found = await self.owners()
            if (
                state == "Stable"
                and len(found) == PARTITIONS
                and len(set(found.values())) == workers
            ):
                break
            await asyncio.sleep(0.1)
        else:
            raise TimeoutError(f"the group has not settled on {workers} workers")
        since = time.monotonic()
        while any(not each or each[-1] < since for each in self.advances.values()):
            if time.monotonic() > deadline:
                raise TimeoutError("a partition does not advance")
            await asyncio.sleep(SAMPLE_S)
        return found

    async def changed(self, before: dict[int, str]) -> None:
        """Wait until a member is another one: a static member that came back has a new id."""
        deadline = time.monotonic() + 60.0
        while time.monotonic() < deadline:
            found = (await self.owners())[1]
            if found != before and len(found) == PARTITIONS:
                return
            await asyncio.sleep(0.1)
        raise TimeoutError("the restarted worker has not come back")

    def still(self, partitions: list[int], since: float) -> float:
        """Return the longest time without an advance, from ``since`` on."""
        longest = 0.0
        for number in partitions:
            times = self.advances[number]
            before = max((at for at in times if at < since), default=since)
            at = [before, *(each for each in times if each >= since), time.monotonic()]
            longest = max(longest, *(b - a for a, b in pairwise(at)))
        return longest


@dataclass
class Fleet:
    """The workers, by name."""

    installed: Installation
    logs: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *, static: bool = False) -> None:
        """Start one."""
        environment = dict(self.installed.environment)
        if static:
            environment["CANVAS_TELEMETRY_GROUP_INSTANCE_ID"] = name
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                tied([sys.executable, "-m", "pipeline", "run", "sessionize"]),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    async def end(self, name: str, number: signal.Signals) -> float:
        """End one; return how long that took."""
        process, began = self.running.pop(name), time.monotonic()
        process.send_signal(number)
        await asyncio.to_thread(process.wait, 30)
        return time.monotonic() - began

    async def end_all(self) -> None:
        """End all."""
        await asyncio.gather(*(self.end(name, signal.SIGTERM) for name in list(self.running)))


async def feed(installed: Installation, rows: int) -> None:
    """Publish so many rows, ten times a second, for ever."""
    publisher = TransactionalPublisher(installed.settings.kafka(), "bench-feed", timeout_s=60)
    await publisher.start()
    made = BrokerRows(schemas(installed.settings), publisher)
    dice = np.random.default_rng(1)
    try:
        while True:
            now = time.time_ns() // 1000
            blocks = list(made.blocks(dice.integers(0, 20_000, rows), np.full(rows, now)))
            await publisher.publish(blocks)
            await asyncio.sleep(FEED_S)
    finally:
        await publisher.stop()


def say(
    event: str, watch: Watch, since: float, before: dict[int, str], after: dict[int, str]
) -> None:
    """Print one line."""
    same = [number for number in before if before[number] == after[number]]
    moved = [number for number in before if before[number] != after[number]]
    words = f"unaffected {len(same)}: {watch.still(same, since):5.2f} s" if same else "unaffected 0"
    if moved:
        words += f"   moved {len(moved)}: {watch.still(moved, since):5.2f} s"
    print(f"{event:<34} {words}", flush=True)


async def dynamic(watch: Watch, fleet: Fleet, workers: int) -> None:
    """Join, leave and die in a group of dynamic members."""
    for number in range(workers):
        fleet.start(f"w{number}")
    owners = await watch.stable(workers)
    since = time.monotonic()
    await asyncio.sleep(SETTLE_S / 2)
    say("quiet", watch, since, owners, owners)
    for turn in range(2):
        since = time.monotonic()
        fleet.start("late")
        after = await watch.stable(workers + 1)
        await asyncio.sleep(2.0)
        say(f"one joins ({turn})", watch, since, owners, after)
        owners, since = after, time.monotonic()
        await fleet.end("late", signal.SIGTERM)
        after = await watch.stable(workers)
        await asyncio.sleep(2.0)
        say(f"it leaves ({turn})", watch, since, owners, after)
        owners = after
    since = time.monotonic()
    await fleet.end("w0", signal.SIGKILL)
    after = await watch.stable(workers - 1)
    await asyncio.sleep(2.0)
    say("one is killed", watch, since, owners, after)
    await fleet.end_all()


async def rolling(watch: Watch, fleet: Fleet, workers: int, *, static: bool) -> None:
    """Restart one worker after the other."""
    names = [f"{'s' if static else 'd'}{number}" for number in range(workers)]
    for name in names:
        fleet.start(name, static=static)
    before = await watch.stable(workers)
    for name in names:
        since = time.monotonic()
        gone = await fleet.end(name, signal.SIGTERM)
        fleet.start(name, static=static)
        if static:
            await watch.changed(before)
        after = await watch.stable(workers)
        await asyncio.sleep(2.0)
        kind = "static" if static else "dynamic"
        say(f"{kind} restart {name} (stop {gone:.1f} s)", watch, since, before, after)
        before = after
    await fleet.end_all()


@contextlib.asynccontextmanager
async def beside(*work: Any) -> AsyncIterator[None]:
    """Run work along with the block; what it fails with ends the block."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in work]
        yield
        for task in tasks:
            task.cancel()


async def measure(installed: Installation, logs: Path, arguments: argparse.Namespace) -> None:
    """Run every event."""
    fleet = Fleet(installed, logs)
    async with admin_client(installed.settings.kafka()) as admin:
        watch = Watch(installed, admin)
        async with beside(watch.run(), feed(installed, arguments.rows)):
            try:
                if "dynamic" in arguments.only:
                    await dynamic(watch, fleet, arguments.workers)
                if "static" in arguments.only:
                    await asyncio.sleep(arguments.session)
                    await rolling(watch, fleet, arguments.workers, static=True)
                if "rolling" in arguments.only:
                    await asyncio.sleep(arguments.session)
                    await rolling(watch, fleet, arguments.workers, static=False)
            finally:
                for process in fleet.running.values():
                    process.kill()
                    process.wait()


def main() -> None:
    """Print a line per event."""
    parser = argparse.ArgumentParser(prog="python -m bench.rebalance", description=__doc__)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--rows", type=int, default=400, help="rows every 0.1 s")
    parser.add_argument("--session", type=float, default=6.0, help="session timeout, s")
    parser.add_argument("--heartbeat", type=float, default=None, help="heartbeat interval, s")
    parser.add_argument("--only", nargs="*", default=["dynamic", "static", "rolling"])
    parser.add_argument("--logs", type=Path, default=None)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="canvas-telemetry-bench-") as directory:
        logs = arguments.logs or Path(directory)
        more = {"session_timeout_s": arguments.session}
        if arguments.heartbeat is not None:
            more["heartbeat_s"] = arguments.heartbeat
        with kafka_alone(Path(directory), **more) as installed:
            asyncio.run(measure(installed, logs, arguments))


if __name__ == "__main__":
    main()
