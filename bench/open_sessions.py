"""What a row costs the whole sessionize worker, by how many sessions are open.

    python -m bench.open_sessions [open sessions …] [--in-use 20000] [--others] [--rounds 3]

A Kafka of its own, 8 partitions. For each number of open sessions the real worker, alone on its
core, first gets one row of each; event time never passes their gap. Then it gets 100,000 rows at
once, seven times, the first two to warm up. As many sessions are in use whatever number is open
(``--in-use``; 0: all of them), spread over everything that the worker holds; with ``--others``
others in each wave. So as many records are published, and what differs is what holding sessions
costs that nothing touched lately. Counted is CPU of the process from each wave to its last commit,
in turn over all numbers, so that a machine that changes its speed slows all of them.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
import asyncio
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import psutil

from bench.broker_rows import BrokerRows, Numbers
from bench.installation import Installation, varied
from bench.kafka_alone import kafka_alone
from bench.measure import leave_measured_core, reference_cpu_s
from bench.restore_broker import Started, gauges
from bench.stage_run import LIMIT_S, POLL_S, StageFailedError, cpu_s, joined, start, stop
from pipeline.app.catching_up import caught_up, tallies
from pipeline.app.commands.topics import create
from pipeline.app.wiring import schemas
from pipeline.domain.event_time import MICROS, MINUTE
from pipeline.domain.topics import REQUEST_DELTAS, SESSIONS
from pipeline.engine.stage import Block
from pipeline.kafka.progress import Progress
from pipeline.kafka.publisher import TransactionalPublisher

OPEN: Final = (20_000, 200_000, 1_000_000)
WAVE: Final = 100_000
WARM_UP: Final = 2
"""So many waves first: memory and tables grow to what the rows need."""
MEASURED: Final = 5
MINUTES: Final = 24
"""Of event time in all waves; with the minute of the openings less than the gap."""
SEED: Final = 1

Wave = list[Block]


class Loads(NamedTuple):
    """What is published for one number of open sessions."""

    openings: list[Wave]
    waves: list[Wave]


class Measured(NamedTuple):
    """The worker over the measured rows; the peak is that of its life, the reference around it."""

    ns_per_row: float
    records_per_row: float
    resident_bytes: int
    peak_bytes: int
    reference_cpu_s: float = 0.0


def openings(count: int, began: int) -> tuple[Numbers, Numbers]:
    """Give every session once within a minute, those that will be in use among the others."""
    numbers = np.random.default_rng(SEED).permutation(count)
    return numbers, began + np.arange(count) * MINUTE // count


def traffic(count: int, in_use: int, began: int, *, others: bool) -> tuple[Numbers, Numbers]:
    """Give the rows of all waves, in order of their time."""
    rows = (WARM_UP + MEASURED) * WAVE
    drawn = np.random.default_rng(SEED).integers(0, in_use, rows)
    if others:
        drawn += np.arange(rows) // WAVE * in_use
    return drawn % count, began + np.arange(rows) * (MINUTES * MINUTE) // rows


@asynccontextmanager
async def worker(there: Installation, log: Path) -> AsyncIterator[Started]:
    """Run a sessionize worker on the measured core; it has its partitions."""
    environment = {**there.environment, "CANVAS_TELEMETRY_METRICS_PORT": "0"}
    command = [sys.executable, "-m", "pipeline", "run", "sessionize"]
    with log.open("wb") as file:
        started = Started(start(command, environment, file.fileno()), log, time.monotonic())
    try:
        await joined(there, "sessionize")
        yield started
    finally:
        stop(started.process)


class Course:
    """One worker on topics of its own, from its openings to the last measured row."""

    def __init__(self, there: Installation, started: Started, progress: Progress) -> None:
        self._there = there
        self._started = started
        self._progress = progress
        self._watched = psutil.Process(started.process.pid)
        self._peak = 0

    async def run(self, loads: Loads) -> Measured:
        """Open the sessions, warm up, measure the rest."""
        await self._publish(loads.openings)
        await self._caught_up()
        for wave in loads.waves[:WARM_UP]:
            await self._cost(wave)
        written, spent = await self._written(), 0.0
        for wave in loads.waves[WARM_UP:]:
            spent += await self._cost(wave)
        return Measured(
            spent / (MEASURED * WAVE) * 1e9,
            (await self._written() - written) / (MEASURED * WAVE),
            self._watched.memory_info().rss,
            self._peak,
        )

    async def _cost(self, wave: Wave) -> float:
        """Return the CPU-seconds of a wave; none of them went into waiting for it."""
        self._started.process.send_signal(signal.SIGSTOP)
        try:
            before = cpu_s(self._watched)
            await self._publish([wave])
        finally:
            self._started.process.send_signal(signal.SIGCONT)
        await self._caught_up()
        return cpu_s(self._watched) - before

    async def check(self, count: int, rows: int) -> None:
        """Raise StageFailedError unless every row is in a session and none has closed."""
        (tally,) = (await tallies(self._there.settings)).values()
        held = await gauges(self._started, "open_sessions")
        if tally.in_sessions != rows or held != count:
            raise StageFailedError(f"{held:,.0f} sessions open, {tally}")

    async def _publish(self, waves: list[Wave]) -> None:
        kafka = self._there.settings.kafka()
        publisher = TransactionalPublisher(kafka, "open-sessions-feed", timeout_s=60)
        await publisher.start()
        try:
            for wave in waves:
                await publisher.publish(wave)
        finally:
            await publisher.stop()

    async def _caught_up(self) -> None:
        deadline = time.monotonic() + LIMIT_S
        while await caught_up(self._progress, self._there.settings, ("sessionize",)):
            if self._started.process.poll() is not None or time.monotonic() > deadline:
                raise StageFailedError(self._started.log.read_text(encoding="utf-8")[-2000:])
            self._peak = max(self._peak, self._watched.memory_info().rss)
            await asyncio.sleep(POLL_S)

    async def _written(self) -> int:
        ends = await self._progress.ends([SESSIONS.name, REQUEST_DELTAS.name])
        return sum(ends.values())


async def encoded(bare: Installation, count: int, given: argparse.Namespace) -> Loads:
    """Encode everything for one number of open sessions."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    began = int((noon - timedelta(days=1)).timestamp()) * MICROS
    in_use = min(given.in_use or count, count)
    publisher = TransactionalPublisher(bare.settings.kafka(), "open-sessions-encoder")
    await publisher.start()
    try:
        rows = BrokerRows(schemas(bare.settings), publisher)
        return Loads(
            list(_waves(rows, *openings(count, began))),
            list(_waves(rows, *traffic(count, in_use, began + MINUTE, others=given.others))),
        )
    finally:
        await publisher.stop()


def _waves(rows: BrokerRows, numbers: Numbers, times: Numbers) -> Iterator[Wave]:
    for at in range(0, len(numbers), WAVE):
        yield list(rows.blocks(numbers[at : at + WAVE], times[at : at + WAVE]))


async def measure(bare: Installation, count: int, loads: Loads, log: Path) -> Measured:
    """Measure one number of open sessions on topics of its own."""
    there = varied(bare, topic_prefix=f"{log.stem}.")
    await asyncio.to_thread(create, there.settings, quiet=True)
    async with Progress(there.settings.kafka()) as progress, worker(there, log) as started:
        course = Course(there, started, progress)
        found = await course.run(loads)
        await course.check(count, count + (WARM_UP + MEASURED) * WAVE)
    return found


def show(found: dict[int, list[Measured]]) -> None:
    """Print a line per number of open sessions, and last to first."""
    medians = {}
    for count, rounds in found.items():
        medians[count] = statistics.median(each.ns_per_row for each in rounds)
        in_turn = (f"{each.ns_per_row:,.0f} at {each.reference_cpu_s:.2f}" for each in rounds)
        print(
            f"{count:>9,} open: {medians[count]:,.0f} ns a row ({', '.join(in_turn)}), "
            f"{rounds[-1].records_per_row:.2f} records, "
            f"{rounds[-1].resident_bytes >> 20:,} MiB, peak {rounds[-1].peak_bytes >> 20:,} MiB"
        )
    first, last = (medians[each] for each in (min(medians), max(medians)))
    print(f"last to first: {last / first:.2f}")
    print("at: reference_cpu_s just then, a fixed piece of work; figures compare as far as it does")


def main() -> None:
    """Measure all numbers in turn, as often as asked."""
    parser = argparse.ArgumentParser(prog="python -m bench.open_sessions", description=__doc__)
    parser.add_argument("sessions", type=int, nargs="*", help=f"open sessions; {OPEN}")
    parser.add_argument("--in-use", type=int, default=20_000, help="0: all that are open")
    parser.add_argument("--others", action="store_true", help="other sessions in each wave")
    parser.add_argument("--rounds", type=int, default=3)
    counts = (given := parser.parse_args()).sessions or OPEN
    found: dict[int, list[Measured]] = {count: [] for count in counts}
    leave_measured_core()
    with tempfile.TemporaryDirectory(prefix="canvas-telemetry-bench-") as name:
        directory = Path(name)
        with kafka_alone(directory) as bare:
            loads = {count: asyncio.run(encoded(bare, count, given)) for count in counts}
            for turn in range(given.rounds):
                for count in counts:
                    log = directory / f"open-{count}-{turn}.log"
                    before = reference_cpu_s()
                    one = asyncio.run(measure(bare, count, loads[count], log))
                    reference = (before + reference_cpu_s()) / 2
                    found[count].append(one._replace(reference_cpu_s=reference))
                    print(log.stem, found[count][-1], file=sys.stderr, flush=True)
    show(found)


if __name__ == "__main__":
    main()
