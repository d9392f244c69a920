"""What a simulation wrote, read back the plain way."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.simulator.config import SimulationConfig
from pipeline.simulator.files import simulate
from pipeline.simulator.summary import SimulationSummary


@dataclass(frozen=True)
class Simulated:
    """A finished simulation on disk."""

    out: Path
    summary: SimulationSummary

    @classmethod
    def run(cls, out: Path, config: SimulationConfig) -> "Simulated":
        """Simulate into a directory."""
        return cls(out, simulate(config, out, lambda _: None))

    @property
    def labels(self) -> dict[str, Any]:
        """The document beside the data."""
        document: dict[str, Any] = json.loads((self.out / "labels.json").read_text())
        return document

    def lines(self, feed: str) -> Iterator[tuple[str, int, str]]:
        """Give file, 1-based line number and text of every line, in order."""
        for path in sorted((self.out / feed).iterdir()):
            data = path.read_bytes()
            text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
            for number, line in enumerate(text.splitlines(), start=1):
                yield f"{feed}/{path.name}", number, line

    def good(self, feed: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Give file and content of every line that is not labelled bad."""
        bad = {(label.file, label.line) for label in self.summary.bad_lines}
        for file, number, line in self.lines(feed):
            if (file, number) not in bad:
                yield file, json.loads(line)

    def rows(self) -> list[dict[str, Any]]:
        """Give the web_logs rows, corrections left out (the first of an id counts)."""
        rows: dict[str, dict[str, Any]] = {}
        for _, line in self.good("web_logs"):
            if line["meta"]["action"] == "U":
                rows.setdefault(line["key"]["id"], {"id": line["key"]["id"], **line["value"]})
        return list(rows.values())

    def events(self) -> list[dict[str, Any]]:
        """Give the Live Events in the order of delivery."""
        return [event for _, event in self.good("live_events")]


def micros(text: str) -> int:
    """Read an instant as Canvas writes it."""
    return round(datetime.fromisoformat(text).timestamp() * 1_000) * 1_000
