"""Sessions in five engines over one topic: ``make bench-peers`` (``python -m bench.peers``).

The Java peers need a JDK 17 and Maven, Bytewax an environment of its own; both are made on the
first run. Every engine has the last core for itself, the broker the others. What a peer spends
before its warm-up is over (JIT, joining) is not counted.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import argparse
import asyncio
import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from aiokafka.admin import NewTopic
from rich.console import Console
from rich.table import Table

from bench import feeds
from bench.installation import Installation, installation
from bench.measure import Rate, apart, leave_measured_core
from bench.peer_run import Span, measured, plain_faust
from bench.peers.build import bytewax, java
from bench.peers.schema_server import schema_server
from bench.report import environment
from bench.stage_run import catch_up
from pipeline.domain.topics import WEB_LOGS
from pipeline.kafka.clients import admin_client

ROWS: Final = 1_000_000
FAUST_ROWS: Final = 40_000
JVM: Final = ("-Xmx2g", "-Xms2g", "-XX:+UseSerialGC")
"""One core: the serial collector costs least there."""

OPENS: Final = (
    *("java.base/java.lang", "java.base/java.util", "java.base/java.nio"),
    *("java.base/java.lang.reflect", "java.base/java.util.concurrent"),
)
"""What Flink reaches into, as its own start script opens it."""

SHARES: Final = {"streams": (0.15, 0.4), "flink": (0.3, 0.9), "bytewax": (0.02, 0.1)}
"""Shares of the rows: what warms a peer up, and where measuring ends. Bytewax has no JIT."""

LIMIT_S: Final = 120.0


def streams(installed: Installation, directory: Path, rows: int) -> Rate:
    """Kafka Streams, session windows, exactly_once_v2."""
    settings = installed.settings
    program, classes = java("streams")
    command = [program, *JVM, "-cp", classes, "peer.Sessions"]
    arguments = (
        settings.kafka_bootstrap,
        settings.kafka().named(WEB_LOGS.name),
        "peer.streams",
        str(settings.schemas_dir / f"{WEB_LOGS.schema}.avsc"),
        str(directory / "streams"),
    )
    return measured("Kafka Streams", [*command, *arguments], {}, _span("streams", rows))


def flink(installed: Installation, directory: Path, rows: int) -> Rate:
    """Flink SQL, SESSION windows, exactly-once checkpoints every second."""
    settings = installed.settings
    opens = [each for package in OPENS for each in ("--add-opens", f"{package}=ALL-UNNAMED")]
    program, classes = java("flink")
    command = [program, *JVM, *opens, f"-Djava.io.tmpdir={directory}", "-cp", classes]
    with schema_server(settings.schemas_dir / f"{WEB_LOGS.schema}.avsc") as address:
        topic = settings.kafka().named(WEB_LOGS.name)
        arguments = (settings.kafka_bootstrap, topic, "peer.flink", address)
        return measured(
            "Flink SQL", [*command, "peer.Sessions", *arguments], {}, _span("flink", rows)
        )


def bytewax_windows(installed: Installation, directory: Path, rows: int) -> Rate:
    """Bytewax, session windows, snapshots every ten seconds, at least once."""
    settings = installed.settings
    python, state = bytewax(), directory / "bytewax"
    state.mkdir()
    variables = {
        "PEER_BROKER": settings.kafka_bootstrap,
        "PEER_TOPIC": settings.kafka().named(WEB_LOGS.name),
        "PEER_OUTPUT": "peer.bytewax",
        "PEER_SCHEMA": str(settings.schemas_dir / f"{WEB_LOGS.schema}.avsc"),
    }
    subprocess.run([python, "-m", "bytewax.recovery", str(state), "1"], check=True, timeout=60)
    flow = str(Path(__file__).with_name("bytewax_sessions.py"))
    command = [python, "-m", "bytewax.run", flow, "-r", str(state), "-s", "10", "-b", "0"]
    return measured("Bytewax", command, variables, _span("bytewax", rows))


PEERS: Final[dict[str, tuple[str, Callable[[Installation, Path, int], Rate]]]] = {
    "streams": ("Kafka Streams 4.3.1, session windows, exactly_once_v2", streams),
    "flink": ("Flink SQL 2.3, SESSION, exactly-once checkpoints every second", flink),
    "bytewax": ("Bytewax 0.21, fold_window, at least once", bytewax_windows),
    "faust": (
        "plain Faust agent with a table, at least once",
        lambda installed, directory, _rows: plain_faust(installed, FAUST_ROWS, directory),
    ),
}


def main() -> None:
    """Measure ours and the asked peers; print a table, write ``bench-peers.json``."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--canvas", type=Path, help="made here if empty, and kept")
    parser.add_argument("--only", nargs="*", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--out", type=Path, default=Path("bench-peers.json"))
    arguments = parser.parse_args()
    console = Console(width=None if os.isatty(1) else 120)
    leave_measured_core()
    with tempfile.TemporaryDirectory(prefix="canvas-telemetry-peers-") as name:
        directory = Path(name)
        files = arguments.canvas or directory / "canvas"
        if not files.exists():
            apart(feeds.simulate_day, arguments.rows, files)
        rates = _measured(directory, files, arguments.only, console)
    _show(rates, console)
    document = {
        "rows_per_s_core": {name: round(rate.per_s_core) for name, rate in rates.items()},
        "rows_per_s_wall": {name: round(rate.per_s_wall) for name, rate in rates.items()},
        "environment": environment(),
    }
    arguments.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _measured(directory: Path, files: Path, only: list[str], console: Console) -> dict[str, Rate]:
    with installation(directory / "stack", console.print) as installed:
        asyncio.run(_outputs(installed, only))
        published = apart(feeds.ingest, installed.settings, files).result.published
        console.print(f"{published:,} rows on the topic", highlight=False)
        rates = {"canvas-telemetry": catch_up(installed, "sessionize", directory).rate(published)}
        for name in only:
            console.print(f"{PEERS[name][0]} …", highlight=False)
            rate = rates[name] = PEERS[name][1](installed, directory, published)
            console.print(f"{rate.rows:,} rows, {rate.per_s_core:,.0f} rows/s/core")
    return rates


def _span(name: str, rows: int) -> Span:
    warm_up, end = SHARES[name]
    return Span(int(warm_up * rows), int(end * rows), LIMIT_S)


async def _outputs(installed: Installation, only: list[str]) -> None:
    settings = installed.settings
    async with admin_client(settings.kafka()) as admin:
        await admin.create_topics(
            [NewTopic(f"peer.{name}", settings.partitions, 1) for name in only]
        )


def _show(rates: dict[str, Rate], console: Console) -> None:
    ours = rates["canvas-telemetry"].per_s_core
    table = Table(title="Sessions from the same topic, one core", title_justify="left")
    table.add_column("")
    for column in ("rows", "rows/s/core", "rows/s on the wall", "ours is … times as fast"):
        table.add_column(column, justify="right")
    for name, rate in rates.items():
        title = PEERS[name][0] if name in PEERS else "canvas-telemetry sessionize"
        ratio = "" if name not in PEERS else f"{ours / rate.per_s_core:.1f}"
        table.add_row(
            title, f"{rate.rows:,}", f"{rate.per_s_core:,.0f}", f"{rate.per_s_wall:,.0f}", ratio
        )
    console.print(table)


if __name__ == "__main__":
    main()
