"""Runs the plain Faust agent over a part of the topic and takes its rate."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from bench import peer_environment as names
from bench.installation import Installation
from bench.measure import Cost, Rate
from bench.stage_run import StageFailedError, start, stop
from pipeline.domain.topics import WEB_LOGS

WARM_UP_ROWS: Final = 4_000
LIMIT_S: Final = 60.0


def plain_faust(installed: Installation, rows: int, data_dir: Path) -> Rate:
    """Return the peer's rate over ``rows`` rows, or over as many as it manages in a minute."""
    settings = installed.settings
    environment = {
        names.BROKER: settings.kafka_bootstrap,
        names.TOPIC: settings.kafka().named(WEB_LOGS.name),
        names.SCHEMA: str(settings.schemas_dir / f"{WEB_LOGS.schema}.avsc"),
        names.PARTITIONS: str(settings.partitions),
        names.DATA: str(data_dir / "faust"),
    }
    command = [sys.executable, "-m", "bench.plain_faust", "worker", "--without-web", "-l", "error"]
    process = start(command, environment, subprocess.PIPE)
    try:
        return _rate(process, rows)
    finally:
        stop(process)


def _rate(process: subprocess.Popen[bytes], rows: int) -> Rate:
    first = last = None
    deadline = time.monotonic() + LIMIT_S
    for line in process.stdout or ():
        if not line.startswith(b'{"rows"'):
            continue
        last = json.loads(line)
        if first is None and last["rows"] >= WARM_UP_ROWS:
            first = last
        if last["rows"] >= rows or time.monotonic() > deadline:
            break
    if first is None or last is None or last is first:
        raise StageFailedError(f"plain Faust ended with {process.poll()} before its first rows")
    cost = Cost(last["cpu_s"] - first["cpu_s"], last["wall_s"] - first["wall_s"])
    return Rate(last["rows"] - first["rows"], cost, first["cpu_s"])
