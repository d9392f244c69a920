"""Speed under a load: ``make bench-live`` (``python -m bench.live``).

- what the commit interval costs: sessionize catches up with 100 ms, 500 ms and 5 s;
- what a paced load costs: CPU-seconds a second of sessionize at 50,000 rows/s;
- two workers on all cores, and what the broker takes;
- how long a published Live Event takes until its session can be read in ClickHouse.

Starts a Kafka and a ClickHouse of its own; prints a table and writes ``bench-live.json``.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench import feeds
from bench.installation import installation, varied
from bench.latency import latency
from bench.measure import apart, leave_measured_core
from bench.paced import paced
from bench.report import environment
from bench.stage_run import catch_up, rows_consumed
from bench.two_workers import two_workers

ROWS: Final = 1_000_000
INTERVALS_MS: Final = (100, 500, 5_000)


def main() -> None:
    """Measure all of it once."""
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--out", type=Path, default=Path("bench-live.json"))
    arguments = parser.parse_args()
    console = Console(width=None if os.isatty(1) else 120)
    leave_measured_core()
    with tempfile.TemporaryDirectory(prefix="canvas-telemetry-live-") as name:
        figures = _measured(Path(name), arguments.rows, console)
    table = Table(title="Under a load", title_justify="left", show_header=False)
    for key, value in figures.items():
        table.add_row(key, f"{value:,.2f}" if isinstance(value, float) else f"{value:,}")
    console.print(table)
    document = {**figures, "environment": environment()}
    arguments.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _measured(directory: Path, rows: int, console: Console) -> dict[str, Any]:
    files, figures = directory / "canvas", dict[str, Any]()
    apart(feeds.simulate_day, rows, files)
    with installation(directory / "stack", console.print) as installed:
        apart(feeds.ingest, installed.settings, files)
        for interval in INTERVALS_MS:
            anew = varied(installed, app_id=f"every-{interval}", commit_interval_ms=interval)
            caught_up = catch_up(anew, "sessionize", directory)
            consumed = asyncio.run(rows_consumed(anew))
            rate = caught_up.rate(consumed).per_s_core
            figures[f"catching_up_commits_{interval}_ms_rows_per_s_core"] = round(rate)
        figures |= two_workers(varied(installed, app_id="two"), directory)
        figures |= paced(installed, directory)
    with installation(directory / "latency", console.print) as bare:
        installed = varied(bare, feeds=("web_logs", "live_events"))
        figures |= asyncio.run(latency(installed, directory))
    return figures


if __name__ == "__main__":
    main()
