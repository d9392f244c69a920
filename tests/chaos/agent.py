"""An ingest agent of one feed that publishes files as they are released: a process of its own.

It uses the agent of the product for every file. What it notes beside the files only spares it
the reading of those long published: it may be killed at any moment.
"""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

from pipeline.app.ingesting import agent_options, ingest_files
from pipeline.app.logs import set_up_logs
from pipeline.app.settings import load_settings
from pipeline.domain.errors import TelemetryError
from pipeline.domain.exit_codes import exit_code
from pipeline.domain.feeds import Feed
from tests.chaos.load import piece
from tests.chaos.waiting import until

BATCH_ROWS: Final = 50
"""Rows of a transaction: so few that a kill often hits one."""

AGAIN: Final = 2
"""Files before the last known one that a restarted agent is given again: it must know them."""


def released(directory: Path) -> int:
    """Return how many files of each feed may be published."""
    return _number(directory / "released")


def release(directory: Path, pieces: int) -> None:
    """Allow so many files of each feed."""
    _note(directory / "released", pieces)


def published(directory: Path, feed: Feed) -> int:
    """Return how many files a feed's agent has published."""
    return _number(directory / f"published-{feed}")


async def run(feed: Feed, directory: Path, pieces: int) -> None:
    """Publish all files of a feed, each when it is released."""
    settings = load_settings()
    set_up_logs(settings)
    options = replace(agent_options(settings, late_ok=True), batch_rows=BATCH_ROWS)
    known = published(directory, feed)
    for number in range(max(0, known - AGAIN), pieces):
        await until(lambda number=number: released(directory) > number)
        path = piece(directory, feed, number)
        if path.exists():
            await ingest_files(settings, feed, [str(path)], options=options)
        known = max(known, number + 1)
        _note(directory / f"published-{feed}", known)


def _number(path: Path) -> int:
    return int(path.read_text()) if path.exists() else 0


def _note(path: Path, number: int) -> None:
    draft = path.with_suffix(".new")
    draft.write_text(str(number))
    draft.replace(path)


if __name__ == "__main__":
    try:
        asyncio.run(run(cast(Feed, sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
    except TelemetryError as error:
        sys.stderr.write(f"agent ends: {error}\n")
        sys.exit(exit_code(error))
