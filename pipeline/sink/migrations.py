"""Numbered migrations: ``0001_name.sql`` and so on, each applied once, in order.

The SQL names no database; everything happens in the connection's. Every statement must bear
repetition (IF NOT EXISTS, OR REPLACE): a file that failed half way is applied again as a whole.
"""

import hashlib
import re
from pathlib import Path
from typing import Final, NamedTuple

from clickhouse_connect.driver.client import Client

from pipeline.domain.errors import OurMistake
from pipeline.sink.client import our_errors
from pipeline.sink.statements import split_statements

_FILE: Final = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")

_APPLIED: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    number UInt32 COMMENT 'Number of the migration.',
    name String COMMENT 'Its name.',
    checksum String COMMENT 'SHA-256 of its file.',
    applied_at DateTime64(6, 'UTC') DEFAULT now64(6) COMMENT 'When it was applied.'
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY number
COMMENT 'Migrations that were applied to this database.'
"""


class Migration(NamedTuple):
    """One file; its checksum ignores how lines end."""

    number: int
    name: str
    checksum: str
    statements: list[str]


def read_migrations(directory: Path) -> list[Migration]:
    """Return the migrations of a directory in order; raises OurMistake if numbers are missing."""
    migrations = []
    for path in sorted(directory.glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match is None:
            raise OurMistake(f"{path.name} is no name of a migration such as 0001_tables.sql.")
        text = path.read_text(encoding="utf-8")
        checksum = hashlib.sha256(text.encode()).hexdigest()
        number = int(match.group(1))
        migrations.append(Migration(number, match.group(2), checksum, split_statements(text)))
    if [migration.number for migration in migrations] != list(range(1, len(migrations) + 1)):
        raise OurMistake("Migrations must be numbered 0001, 0002, … without holes or twins.")
    if not migrations:
        raise OurMistake(f"There are no migrations in {directory}.")
    return migrations


def migrate(client: Client, directory: Path) -> list[str]:
    """Apply what is missing; return the names of what was applied.

    Raises OurMistake, and applies nothing, if an applied file was changed since or the database
    knows migrations that the directory does not have.
    """
    migrations = read_migrations(directory)
    with our_errors("the table of migrations"):
        client.command(_APPLIED)
    applied = _applied(client)
    if wrong := _contradictions(migrations, applied):
        raise OurMistake("; ".join(wrong) + ".")
    done = []
    for migration in migrations:
        if migration.number in applied:
            continue
        with our_errors(f"migration {_label(migration)}"):
            for statement in migration.statements:
                client.command(statement)
            client.insert(
                "schema_migrations",
                [[migration.number, migration.name, migration.checksum]],
                ["number", "name", "checksum"],
                settings={"async_insert": 0},
            )
        done.append(_label(migration))
    return done


def migration_differences(client: Client, directory: Path) -> list[str]:
    """Return a sentence for every migration that is missing, changed or unknown."""
    migrations = read_migrations(directory)
    with our_errors("reading the tables"):
        exists = client.query(
            "SELECT 1 FROM system.tables"
            " WHERE database = currentDatabase() AND name = 'schema_migrations'"
        ).row_count
    applied = _applied(client) if exists else {}
    missing = [m for m in migrations if m.number not in applied]
    return _contradictions(migrations, applied) + [
        f"migration {_label(migration)} is not applied" for migration in missing
    ]


def _applied(client: Client) -> dict[int, tuple[str, str]]:
    with our_errors("reading the table of migrations"):
        found = client.query("SELECT number, name, checksum FROM schema_migrations FINAL")
    return {number: (name, checksum) for number, name, checksum in found.result_rows}


def _contradictions(migrations: list[Migration], applied: dict[int, tuple[str, str]]) -> list[str]:
    files = {migration.number: migration for migration in migrations}
    wrong = []
    for number, (name, checksum) in sorted(applied.items()):
        migration = files.get(number)
        if migration is None:
            wrong.append(f"the database has migration {number:04d}_{name}, this program has not")
        elif migration.checksum != checksum:
            wrong.append(f"migration {_label(migration)} was changed after it was applied")
    return wrong


def _label(migration: Migration) -> str:
    return f"{migration.number:04d}_{migration.name}"
