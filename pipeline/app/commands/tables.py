"""``tables migrate`` and ``tables check``."""

import sys

from rich.console import Console

from pipeline.app import wiring
from pipeline.app.settings import Settings, load_settings
from pipeline.domain.exit_codes import ExitCode
from pipeline.sink.applied_retention import apply_retention
from pipeline.sink.checks import check as differences
from pipeline.sink.client import client_of, create_database
from pipeline.sink.migrations import migrate as apply_migrations


def migrate(settings: Settings | None = None, *, quiet: bool = False) -> None:
    """Create the database, apply the migrations that are missing, set the retention."""
    settings = settings or load_settings()
    connection = settings.clickhouse()
    create_database(connection)
    with client_of(connection) as client:
        applied = apply_migrations(client, settings.migrations_dir)
        changed = apply_retention(client, settings.retention())
    if not quiet:
        console = Console()
        for name in applied:
            console.print(f"applied {name}")
        for store in changed:
            console.print(f"retention of {store} changed")
        console.print(f"{len(applied)} applied; database {connection.database} is up to date.")


def check() -> None:
    """Print how the database differs from migrations, schemas and settings; exit 1 if it does."""
    settings = load_settings()
    known = wiring.schemas(settings)
    with client_of(settings.clickhouse()) as client:
        found = differences(client, settings.migrations_dir, known.named, settings.retention())
    for sentence in found:
        Console().print(sentence)
    if found:
        sys.exit(ExitCode.DIFFERENCES)
    Console().print("All tables are as they should be.")
