"""Speed under a load: ``make bench-live`` (``python -m bench.live``).

- what the commit interval costs: sessionize catches up with 100 ms, 500 ms and 5 s;
- what a paced load costs: CPU-seconds a second of sessionize at 50,000 rows/s;
- two workers on all cores, and what the broker takes;
- how long a published Live Event takes until its session can be read in ClickHouse;
- how long a burst of masquerading takes until its alert is on the topic.

Starts a Kafka and a ClickHouse of its own; prints a table and writes ``bench-live.json``. Each
part can be measured alone (``--only paced``), on an input made before (``--canvas DIR``).
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench import feeds
from bench.anomaly_latency import anomaly_latency
from bench.installation import Installation, installation, varied
from bench.latency import latency
from bench.measure import apart, leave_measured_core, on_all_cores
from bench.paced import paced
from bench.report import environment
from bench.stage_run import catch_up, rows_consumed
from bench.two_workers import two_workers

ROWS: Final = 1_000_000
INTERVALS_MS: Final = (100, 500, 5_000)


def commits(installed: Installation, directory: Path) -> dict[str, Any]:
    """Catch up with each commit interval in turn."""
    figures = dict[str, Any]()
    for interval in INTERVALS_MS:
        anew = varied(installed, app_id=f"every-{interval}", commit_interval_ms=interval)
        caught_up = catch_up(anew, "sessionize", directory)
        rate = caught_up.rate(asyncio.run(rows_consumed(anew))).per_s_core
        figures[f"catching_up_commits_{interval}_ms_rows_per_s_core"] = round(rate)
    return figures


WAITS: Final[dict[str, Callable[[Installation, Path], Awaitable[dict[str, Any]]]]] = {
    "latency": latency,
    "anomaly": anomaly_latency,
}
"""What is measured from an event on, on topics of its own."""

PARTS: Final[dict[str, Callable[[Installation, Path], dict[str, Any]]]] = {
    "commits": commits,
    "two-workers": two_workers,
    "paced": paced,
}
"""What is measured on a full topic."""


def main() -> None:
    """Measure all of it once."""
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--canvas", type=Path, help="made here if empty, and kept")
    names = [*PARTS, *WAITS]
    parser.add_argument("--only", nargs="+", choices=names, default=names)
    parser.add_argument("--out", type=Path, default=Path("bench-live.json"))
    arguments = parser.parse_args()
    console = Console(width=None if os.isatty(1) else 120)
    leave_measured_core()
    with tempfile.TemporaryDirectory(prefix="canvas-telemetry-live-") as name:
        directory = Path(name)
        files = arguments.canvas or directory / "canvas"
        figures = dict[str, Any]()
        if parts := [part for part in PARTS if part in arguments.only]:
            figures |= _on_rows(directory, files, arguments.rows, parts, console)
        for part in WAITS:
            if part in arguments.only:
                figures |= _waits(part, directory, console)
    table = Table(title="Under a load", title_justify="left", show_header=False)
    for key, value in figures.items():
        table.add_row(key, f"{value:,.2f}" if isinstance(value, float) else f"{value:,}")
    console.print(table)
    document = {**figures, "environment": environment()}
    arguments.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _on_rows(
    directory: Path, files: Path, rows: int, parts: list[str], console: Console
) -> dict[str, Any]:
    figures = dict[str, Any]()
    if not files.exists():
        apart(feeds.simulate_day, rows, files)
    with installation(directory / "stack", console.print) as installed:
        apart(feeds.ingest, installed.settings, files)
        for part in parts:
            console.print(f"{part} …", highlight=False)
            figures |= PARTS[part](varied(installed, app_id=part), directory)
    return figures


def _waits(part: str, directory: Path, console: Console) -> dict[str, Any]:
    with on_all_cores(), installation(directory / part, console.print) as bare:
        console.print(f"{part} …", highlight=False)
        installed = varied(bare, feeds=("web_logs", "live_events"))
        return asyncio.run(WAITS[part](installed, directory))


if __name__ == "__main__":
    main()
