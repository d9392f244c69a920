"""The input of a run: simulated windows, cut into pieces, with late rows and copies among them.

Every row is clearly late or clearly not (semantics rule 27). Pieces of a window, and copies of
rows of the piece before, are hours younger than the limit; late rows are two months old, and none
comes before the first window is read everywhere: then every partition has a watermark.
"""

import json
import math
import random
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from pipeline.domain.feeds import COURSE_AUDIT, LIVE_EVENTS, TIME_COLUMN, WEB_LOGS, Feed
from pipeline.simulator.config import SimulationConfig
from pipeline.simulator.files import simulate
from tests.chaos.audit import AuditLog, folded

USERS: Final = 120
WINDOW_HOURS: Final = 4
PIECES: Final = 12
"""Pieces of a window and feed."""

PIECES_PER_ROUND: Final = 2
LEAST_WINDOWS: Final = 4
LATE_EVERY: Final = 3
LATE_BY: Final = timedelta(days=60)
LATE_ROWS: Final = 4
COPIED_SHARE: Final = 0.02
HOURS_PER_BAD_LINE: Final = 2
_TIME: Final = re.compile(r'"(?:timestamp|event_time)": ?"(\d{4}-\d\d-\d\dT\d\d)')
_HOLDER: Final[dict[Feed, str]] = {
    WEB_LOGS: "value",
    LIVE_EVENTS: "metadata",
    COURSE_AUDIT: "event",
}
"""The member of a line that has its time."""

SPEAKING_FEEDS: Final[tuple[Feed, ...]] = (WEB_LOGS, LIVE_EVENTS, COURSE_AUDIT)


@dataclass(frozen=True, slots=True)
class Load:
    """Files of each feed in the order of publication; ``late`` of their lines are late rows."""

    directory: Path
    pieces: int
    lines: int
    late: int

    def paths(self, feed: Feed, numbers: range) -> list[str]:
        """Return the files of a feed; a piece without lines has none."""
        found = (piece(self.directory, feed, number) for number in numbers)
        return [str(path) for path in found if path.exists()]


def piece(directory: Path, feed: Feed, number: int) -> Path:
    """Return the path of a piece."""
    return directory / feed / f"piece-{number:05}.jsonl"


def make_load(directory: Path, rounds: int, seed: int) -> Load:
    """Write the input of so many rounds."""
    windows = max(LEAST_WINDOWS, math.ceil(rounds * PIECES_PER_ROUND / PIECES))
    hours = windows * WINDOW_HOURS
    config = SimulationConfig(
        users=USERS, hours=hours, seed=seed, bad_lines=max(7, hours // HOURS_PER_BAD_LINE)
    )
    simulate(config, directory / "simulated", lambda _hours: None)
    lines = pieces = late = 0
    for feed in SPEAKING_FEEDS:
        dice = random.Random(f"{seed} {feed}")
        (directory / feed).mkdir()
        before: list[str] = []
        for number, cut in enumerate(_pieces(directory / "simulated", feed, dice)):
            aged = _late(feed, number, cut, dice)
            text = [*cut, *_copies(before, dice), *aged]
            before = cut
            if text:
                written = folded(text, dice) if feed == COURSE_AUDIT else text
                piece(directory, feed, number).write_text("\n".join(written) + "\n")
            lines += len(text)
            late += len(aged)
            pieces = max(pieces, number + 1)
    return Load(directory, pieces, lines, late)


def _pieces(simulated: Path, feed: Feed, dice: random.Random) -> Iterator[list[str]]:
    if feed == COURSE_AUDIT:
        parts = sorted((simulated / WEB_LOGS).glob("part-*.jsonl"))
        return _cut(parts, AuditLog(dice).lines)
    return _cut(sorted((simulated / feed).glob("part-*.jsonl")), lambda lines: lines)


def _cut(parts: Sequence[Path], told: Callable[[list[str]], list[str]]) -> Iterator[list[str]]:
    for part in parts:
        lines = told(_by_hour(part.read_text().splitlines()))
        size = math.ceil(len(lines) / PIECES)
        for at in range(PIECES):
            yield lines[at * size : (at + 1) * size]


def _by_hour(lines: list[str]) -> list[str]:
    """Order lines by their hour: a correction of the window before belongs to the first piece.

    Where agents are given a whole window, they do the same. Broken lines stay where they are.
    """
    hours, hour = [], ""
    for line in lines:
        found = _TIME.search(line)
        hour = found[1] if found else hour
        hours.append(hour)
    return [lines[at] for at in sorted(range(len(lines)), key=hours.__getitem__)]


def _copies(lines: Sequence[str], dice: random.Random) -> list[str]:
    return [line for line in lines if dice.random() < COPIED_SHARE and _document(line)]


def _late(feed: Feed, number: int, lines: Sequence[str], dice: random.Random) -> list[str]:
    if number < PIECES or number % LATE_EVERY:
        return []
    late = []
    for line in dice.sample(lines, min(LATE_ROWS, len(lines))):
        document = _document(line)
        if document is not None and (aged := _aged(feed, document, dice)) is not None:
            late.append(json.dumps(aged))
    return late


def _document(line: str) -> dict[str, Any] | None:
    """Return a line's content; None for one of the bad ones."""
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _aged(feed: Feed, document: dict[str, Any], dice: random.Random) -> dict[str, Any] | None:
    """Return a row like this one, with an id of its own, two months older."""
    name = str(uuid.UUID(int=dice.getrandbits(128), version=4))
    holder, field = document.get(_HOLDER[feed]), TIME_COLUMN[feed]
    if not isinstance(holder, dict) or ("key" in document and "id" not in document["key"]):
        return None
    try:
        then = datetime.fromisoformat(holder[field]) - LATE_BY
    except (KeyError, TypeError, ValueError):
        return None
    aged = {
        **holder,
        field: then.strftime("%Y-%m-%dT%H:%M:%S.") + f"{then.microsecond // 1000:03}Z",
    }
    if feed == WEB_LOGS:
        return {**document, "key": {"id": name}, "value": aged}
    if feed == LIVE_EVENTS:
        return {**document, "metadata": {**aged, "request_id": name}}
    if "links" not in holder:
        return None
    return {
        "event": {**aged, "id": name, "links": {**holder["links"], "page_view": None}},
        "view": None,
    }
