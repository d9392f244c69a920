"""``topics create`` and ``topics check``."""

import asyncio
import sys

from rich.console import Console
from rich.table import Table

from pipeline.app import wiring
from pipeline.app.settings import Settings, load_settings
from pipeline.domain.exit_codes import ExitCode
from pipeline.kafka.topics import check_topics, create_topics


def create(settings: Settings | None = None, *, quiet: bool = False) -> None:
    """Create the topics that are missing, and register schemas where there is a registry."""
    settings = settings or load_settings()
    created = asyncio.run(
        create_topics(
            settings.kafka(),
            partitions=settings.partitions,
            replication=settings.replication_factor,
        )
    )
    wiring.schemas(settings, register=True)
    if not quiet:
        for name in created:
            Console().print(f"created {name}")
        Console().print(f"{len(created)} topics created.")


def check() -> None:
    """Print in one table what differs from the catalogue; exit 1 if anything does."""
    settings = load_settings()
    replication = settings.replication_factor
    found = asyncio.run(
        check_topics(
            settings.kafka(),
            partitions=settings.partitions,
            replication=None if replication < 0 else replication,
        )
    )
    if not found:
        Console().print("All topics are as the catalogue says.")
        return
    table = Table(box=None, pad_edge=False)
    for column in ("topic", "setting", "expected", "found"):
        table.add_column(column, overflow="fold")
    for difference in found:
        table.add_row(*difference)
    Console().print(table)
    sys.exit(ExitCode.DIFFERENCES)
