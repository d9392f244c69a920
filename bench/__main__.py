"""Measure every step: ``python -m bench [--rows N] [--times N] [--quick]``.

Starts a Kafka and a ClickHouse of its own, makes its input, prints tables and writes
``bench.json``. Measured processes have one core for themselves where there are two; what counts
is CPU-seconds, so a busy machine blurs the figures less than it slows the run. sessionize and
detect take seconds only, so they run several times; the fastest counts, all are printed.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
import tempfile
from pathlib import Path

from rich.console import Console

from bench.measure import leave_measured_core
from bench.report import show, write
from bench.run import run

ROWS, QUICK_ROWS = 1_000_000, 200_000
PEER_ROWS, QUICK_PEER_ROWS = 40_000, 16_000


def main() -> None:
    """Run everything once."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rows", type=int, default=None, help=f"web_logs rows; {ROWS:,}")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROWS:,} rows, under 90 s")
    parser.add_argument("--times", type=int, default=3, help="runs of sessionize and detect; 3")
    parser.add_argument("--out", type=Path, default=Path("bench.json"), help="bench.json")
    arguments = parser.parse_args()
    rows = arguments.rows or (QUICK_ROWS if arguments.quick else ROWS)
    peer_rows = QUICK_PEER_ROWS if arguments.quick else PEER_ROWS
    times = 1 if arguments.quick else max(1, arguments.times)
    console = Console(width=None if os.isatty(1) else 120)
    leave_measured_core()
    with tempfile.TemporaryDirectory(prefix="canvas-telemetry-bench-") as directory:
        figures = run(Path(directory), rows, peer_rows, times, console)
    show(figures, console)
    write(figures, arguments.out)
    console.print(f"written to {arguments.out}", highlight=False)


if __name__ == "__main__":
    main()
