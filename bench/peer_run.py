"""A peer's process: runs it over a part of the topic and takes its rate from what it prints."""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench import peer_environment as names
from bench.installation import Installation
from bench.measure import Cost, Rate
from bench.stage_run import StageFailedError, start, stop
from pipeline.domain.topics import WEB_LOGS

WARM_UP_ROWS: Final = 4_000
LIMIT_S: Final = 60.0


class Span(NamedTuple):
    """Rows that are not counted, the row where measuring ends, and the time allowed for both."""

    warm_up: int
    rows: int
    limit_s: float


def plain_faust(installed: Installation, rows: int, data_dir: Path) -> Rate:
    """Return the plain agent's rate over ``rows`` rows, or over as many as a minute allows."""
    settings = installed.settings
    environment = {
        names.BROKER: settings.kafka_bootstrap,
        names.TOPIC: settings.kafka().named(WEB_LOGS.name),
        names.SCHEMA: str(settings.schemas_dir / f"{WEB_LOGS.schema}.avsc"),
        names.PARTITIONS: str(settings.partitions),
        names.DATA: str(data_dir / "faust"),
    }
    command = [sys.executable, "-m", "bench.plain_faust", "worker", "--without-web", "-l", "error"]
    return measured("plain Faust", command, environment, Span(WARM_UP_ROWS, rows, LIMIT_S))


def measured(name: str, command: Sequence[str], environment: dict[str, str], span: Span) -> Rate:
    """Run a peer on the measured core; return its rate between warm-up and end.

    It prints lines of JSON: ``rows`` so far, ``cpu_s`` of its process, ``wall_s``. Raises
    StageFailedError if it ends before two of them.
    """
    with tempfile.TemporaryFile() as said:
        process = start(command, environment, subprocess.PIPE, said.fileno())
        try:
            return _rate(process, span)
        except StageFailedError as error:
            said.seek(0)
            last = said.read()[-2000:].decode(errors="replace")
            raise StageFailedError(f"{name} {error}\n{last}") from None
        finally:
            stop(process)


def _rate(process: subprocess.Popen[bytes], span: Span) -> Rate:
    # A peer that prints nothing would be waited for without end.
    guard = threading.Timer(span.limit_s, process.kill)
    guard.start()
    try:
        said = list(_until(process, span.rows))
    finally:
        guard.cancel()
    counted = [line for line in said if line["rows"] >= span.warm_up]
    if len(counted) < 2:
        raise StageFailedError(f"ended with {process.poll()} before its first rows")
    first, last = counted[0], counted[-1]
    cost = Cost(last["cpu_s"] - first["cpu_s"], last["wall_s"] - first["wall_s"])
    return Rate(int(last["rows"] - first["rows"]), cost, first["cpu_s"])


def _until(process: subprocess.Popen[bytes], rows: int) -> Iterator[dict[str, float]]:
    """Yield what the peer prints, up to the line that says so many rows or to its end."""
    for line in process.stdout or ():
        if line.startswith(b'{"rows"'):
            said = json.loads(line)
            yield said
            if said["rows"] >= rows:
                return
