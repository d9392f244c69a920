"""The steps of the demo, in order; each says what it does while it does it."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console

from pipeline.app.catching_up import close_event_time, tallies, wait_until_caught_up
from pipeline.app.commands.tables import migrate
from pipeline.app.commands.topics import create
from pipeline.app.demo.conservation import Held, count_topics
from pipeline.app.ingesting import ingest_files
from pipeline.app.logs import set_up_logs
from pipeline.app.progress import counting
from pipeline.app.settings import PREFIX, Settings
from pipeline.app.stages import STAGES
from pipeline.app.supervisor import Supervisor
from pipeline.app.wiring import schemas
from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS
from pipeline.engine.tally import Tally
from pipeline.ingest.totals import IngestTotals
from pipeline.local.stack import LocalStack
from pipeline.simulator.config import SimulationConfig
from pipeline.simulator.files import simulate
from pipeline.simulator.summary import SimulationSummary
from pipeline.sink.client import client_of
from pipeline.sink.queries import count_tables

DAY_US: Final = 86_400_000_000
FULL_DAYS: Final = (1, 2, 3)
"""Tuesday to Thursday: on Fridays a university is a fifth emptier."""


@dataclass
class Day:
    """What the demo knows at the end; times of its steps in seconds."""

    settings: Settings
    stack: LocalStack
    files: Path
    simulated: SimulationSummary
    ingested: dict[str, IngestTotals] = field(default_factory=dict)
    tallies: Mapping[str, Tally] = field(default_factory=dict)
    topics: dict[str, Held] = field(default_factory=dict)
    tables: Mapping[str, int] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)


@contextmanager
def timed(steps: dict[str, float], name: str) -> Iterator[None]:
    """Remember how long a step takes."""
    began = time.monotonic()
    yield
    steps[name] = time.monotonic() - began


@contextmanager
def the_day(
    data_dir: Path, *, users: int, hours: int, seed: int, say: Callable[[str], None]
) -> Iterator[Day]:
    """Run everything; the stack stays up while the caller looks at the result."""
    steps: dict[str, float] = {}
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        # Addresses, passwords and rules of another installation are not meant here.
        del os.environ[name]
    stack = LocalStack(data_dir / "stack", say=say)
    files = data_dir / "canvas"
    try:
        with timed(steps, "start Kafka and ClickHouse"), _working("starting Kafka and ClickHouse"):
            stack.start()
        settings = _settings(stack)
        set_up_logs(settings)
        with timed(steps, "create topics and tables"), _working("creating topics and tables"):
            create(settings, quiet=True)
            migrate(settings, quiet=True)
        # The stages start while the files are made: most of that is importing libraries.
        supervisor = Supervisor(STAGES, {**os.environ, **_environment(settings)})
        try:
            supervisor.start()
            with (
                timed(steps, "simulate"),
                counting(f"simulating {users:,} users", f"of {hours} hours") as progress,
            ):
                config = SimulationConfig(users=users, hours=hours, seed=seed, start_us=_weekday())
                simulated = simulate(config, files, progress)
            day = Day(settings, stack, files, simulated, steps=steps)
            asyncio.run(_ingest_and_wait(day, supervisor))
        finally:
            supervisor.stop()
        yield day
    finally:
        stack.stop()


async def _ingest_and_wait(day: Day, supervisor: Supervisor) -> None:
    settings = day.settings
    with timed(day.steps, "ingest"):
        # The feed that turns idle within minutes first: if web_logs took longer than that, its
        # events would come behind their watermark (semantics rule 18).
        for feed in (LIVE_EVENTS, WEB_LOGS):
            with counting(f"ingesting {feed}", "rows") as progress:
                day.ingested[feed] = await ingest_files(
                    settings, feed, [str(day.files / feed)], progress=progress
                )
            supervisor.check()
    with timed(day.steps, "sessionize, detect, sink"):
        with counting("streaming", "offsets behind") as progress:
            await wait_until_caught_up(
                settings, STAGES, supervisor.check, lambda _stage, behind: progress(behind)
            )
        with counting("closing the day", "offsets behind") as progress:
            await close_event_time(settings)
            await wait_until_caught_up(
                settings, STAGES, supervisor.check, lambda _stage, behind: progress(behind)
            )
    with timed(day.steps, "count everything"), _working("counting what every topic holds"):
        day.tallies = await tallies(settings)
        day.topics = await count_topics(settings, schemas(settings))
    with client_of(settings.clickhouse()) as client:
        day.tables = count_tables(client)


def _settings(stack: LocalStack) -> Settings:
    """Return settings for the stack."""
    return Settings(
        kafka_bootstrap=stack.kafka.bootstrap_servers,
        topic_prefix="",
        replication_factor=1,
        clickhouse_host=stack.clickhouse.host,
        clickhouse_port=stack.clickhouse.port,
        keep_raw_days=0,
        keep_results_days=0,
        log_level="error",
        log_format="console",
    )


def _environment(settings: Settings) -> dict[str, str]:
    """Return what a stage process needs to have the same settings."""
    names = (
        "kafka_bootstrap",
        "topic_prefix",
        "replication_factor",
        "clickhouse_host",
        "clickhouse_port",
        "log_level",
        "log_format",
    )
    return {f"{PREFIX}{name.upper()}": str(getattr(settings, name)) for name in names}


def _weekday() -> int:
    """Return the start of the latest whole Tuesday to Thursday, UTC, in microseconds."""
    start = time.time_ns() // 1000 // DAY_US * DAY_US - DAY_US
    while time.gmtime(start // 1_000_000).tm_wday not in FULL_DAYS:
        start -= DAY_US
    return start


@contextmanager
def _working(what: str) -> Iterator[None]:
    console = Console(stderr=True)
    if console.is_terminal:
        with console.status(f"{what} …"):
            yield
    else:
        console.print(f"{what} …", highlight=False)
        yield
