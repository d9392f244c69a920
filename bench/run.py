"""The order of measurements: each step's output is the next one's input."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from bench import components, feeds
from bench.components import Line
from bench.installation import Installation, installation, varied
from bench.measure import Rate, apart, fastest, reference_cpu_s
from bench.peer_run import plain_faust
from bench.report import Figures
from bench.stage_run import catch_up, deltas_read, rows_consumed
from pipeline.domain.topics import REQUEST_DELTAS, SESSIONS, WEB_LOGS
from pipeline.kafka.progress import Progress


def run(directory: Path, rows: int, peer_rows: int, times: int, console: Console) -> Figures:
    """Measure everything in a directory that the caller removes; what is short, ``times`` times."""
    files, measured = directory / "canvas", _Measured()
    with _said(console, f"simulating {rows:,} rows"):
        simulated = apart(feeds.simulate_day, rows, files)
    made = simulated.result
    measured.add("simulate_rows", simulated.rate(made.web_log_rows))
    with installation(directory / "stack", console.print) as installed:
        _through_kafka(installed, files, directory, console, measured)
        records = asyncio.run(_records(installed))
        _again(installed, directory, times - 1, console, measured)
        with _said(console, f"plain Faust, {peer_rows:,} rows"):
            measured.add("plain_faust_rows", plain_faust(installed, peer_rows, directory))
        rates = {name: fastest(runs) for name, runs in measured.runs.items()}
        with _said(console, "each step alone"):
            lines = _lines(installed, files, rates, rows // 4)
    # The peer ran once, right after the last run of sessionize: those two compare.
    other = {
        "sessionize_to_plain_faust": measured.runs["sessionize_rows"][-1].per_s_core
        / rates["plain_faust_rows"].per_s_core,
    }
    given = {"rows": made.web_log_rows, "sessions": made.sessions, **records}
    return Figures(measured.runs, lines, given, other)


class _Measured:
    """Rates, each with the machine's speed around it: virtual ones change it within minutes."""

    def __init__(self) -> None:
        self.runs: dict[str, list[Rate]] = {}
        self._before = reference_cpu_s()

    def add(self, name: str, rate: Rate) -> None:
        """Take what was measured since the last one."""
        after = reference_cpu_s()
        of_now = rate._replace(reference_cpu_s=(self._before + after) / 2)
        self.runs.setdefault(name, []).append(of_now)
        self._before = after


def _through_kafka(
    installed: Installation, files: Path, directory: Path, console: Console, measured: _Measured
) -> None:
    """Ingest, then let the stages catch up one after the other."""
    with _said(console, "ingesting"):
        ingested = apart(feeds.ingest, installed.settings, files)
    published = ingested.result.published
    measured.add("ingest_rows", ingested.rate(published))
    with _said(console, "catching up: sink"):
        caught_up = catch_up(installed, "sink", directory)
    measured.add("sink_rows", caught_up.rate(published))
    for stage in ("sessionize", "detect"):
        _catch_up(installed, stage, directory, console, measured)


def _again(
    installed: Installation, directory: Path, times: int, console: Console, measured: _Measured
) -> None:
    """Let the compiled stages catch up again, each time as an application of another name.

    All of detect come first: after sessionize its topic has every delta once more.
    """
    for stage in ("detect", "sessionize"):
        for number in range(times):
            anew = varied(installed, app_id=f"again-{number}")
            _catch_up(anew, stage, directory, console, measured)


def _catch_up(
    installed: Installation, stage: str, directory: Path, console: Console, measured: _Measured
) -> None:
    with _said(console, f"catching up: {stage}"):
        caught_up = catch_up(installed, stage, directory)
    unit = "deltas" if stage == "detect" else "rows"
    measured.add(f"{stage}_{unit}", caught_up.rate(_counted(installed, stage)))


def _counted(installed: Installation, stage: str) -> int:
    count = deltas_read if stage == "detect" else rows_consumed
    return asyncio.run(count(installed))


def _lines(installed: Installation, files: Path, rates: dict[str, Rate], rows: int) -> list[Line]:
    settings = installed.settings
    measured = (
        (apart(components.ingest_steps, settings, files, rows), "ingest_rows"),
        (apart(components.sessionize_steps, settings, rows), "sessionize_rows"),
        (apart(components.detect_steps, settings, rows), "detect_deltas"),
    )
    return [done.result._replace(worker_ns=1e9 / rates[rate].per_s_core) for done, rate in measured]


async def _records(installed: Installation) -> dict[str, int]:
    """Return how many offsets each topic took, transaction markers included."""
    names = {topic.name: key for topic, key in _COUNTED}
    async with Progress(installed.settings.kafka()) as progress:
        ends = await progress.ends(names)
    return {
        f"{names[name]}_offsets": sum(end for (topic, _), end in ends.items() if topic == name)
        for name in names
    }


_COUNTED = ((WEB_LOGS, "web_logs"), (SESSIONS, "sessions"), (REQUEST_DELTAS, "request_deltas"))


@contextmanager
def _said(console: Console, what: str) -> Iterator[None]:
    began = time.monotonic()
    console.print(f"{what} …", end=" ", highlight=False)
    yield
    console.print(f"{time.monotonic() - began:.0f} s", highlight=False)
