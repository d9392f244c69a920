"""The edge of the simulator: writes what a simulation gives."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pipeline.simulator.config import SimulationConfig
from pipeline.simulator.simulation import Begin, NamedPart, Simulation
from pipeline.simulator.summary import SimulationSummary, labels_document

LABELS: Final = "labels.json"
FEED_DIRECTORIES: Final = ("web_logs", "live_events", "course_audit")
# Level 4 halves the time of the usual 6 and loses 5 % of size.
GZIP_LEVEL: Final = 4


def simulate(
    config: SimulationConfig,
    out: Path,
    progress: Callable[[int], None],
    begin: Begin | None = None,
) -> SimulationSummary:
    """Simulate into a directory: `web_logs/`, `live_events/`, `course_audit/`, `labels.json`.

    `progress` is told how many of the configured hours are done. Parts of an earlier
    simulation in the same directory are replaced; other files stay. The same configuration
    gives the same bytes; `begin` prepares other attacks than those it names.
    Raises SettingsError for an unknown attack.
    """
    simulation = Simulation(config, begin)
    _prepare(out)
    for done, parts in enumerate(simulation.hours(), start=1):
        for part in parts:
            _write(out, part)
        progress(done)
    summary = simulation.summary()
    text = json.dumps(labels_document(summary), indent=2)
    (out / LABELS).write_text(text + "\n", encoding="utf-8")
    return summary


def _prepare(out: Path) -> None:
    (out / LABELS).unlink(missing_ok=True)
    for name in FEED_DIRECTORIES:
        directory = out / name
        directory.mkdir(parents=True, exist_ok=True)
        for old in directory.glob("part-*.jsonl*"):
            old.unlink()


def _write(out: Path, part: NamedPart) -> None:
    content = ("\n".join(part.lines) + "\n").encode()
    path = out / part.file
    if path.suffix == ".gz":
        # No time stamp in the header: the same content is the same bytes.
        content = gzip.compress(content, compresslevel=GZIP_LEVEL, mtime=0)
    path.write_bytes(content)
