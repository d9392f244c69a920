"""Where the database does not fit the program."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from clickhouse_connect.driver.client import Client

from pipeline.sink.applied_retention import retention_differences
from pipeline.sink.client import our_errors
from pipeline.sink.columns import Columns
from pipeline.sink.migrations import migration_differences
from pipeline.sink.retention import Retention
from pipeline.sink.tables import TABLES


def check(
    client: Client,
    directory: Path,
    schema_of: Callable[[str], Mapping[str, Any]],
    retention: Retention | None = None,
) -> list[str]:
    """Return a sentence for everything that differs; nothing means all is well.

    ``schema_of`` gives the Avro schema of a record by its name (``web_log``).
    """
    return [
        *migration_differences(client, directory),
        *_missing_columns(client, schema_of),
        *(retention_differences(client, retention) if retention is not None else ()),
    ]


def _missing_columns(client: Client, schema_of: Callable[[str], Mapping[str, Any]]) -> list[str]:
    with our_errors("reading the columns"):
        found = client.query(
            "SELECT table, groupArray(name) FROM system.columns"
            " WHERE database = currentDatabase() GROUP BY table"
        )
    existing: dict[str, set[str]] = {table: set(names) for table, names in found.result_rows}
    differences = []
    for table in TABLES:
        columns = Columns(table, schema_of(table.topic.schema))
        for name, wanted in ((table.store, columns.stored), (table.name, columns.names)):
            if name not in existing:
                differences.append(f"table {name} is missing")
            elif missing := [column for column in wanted if column not in existing[name]]:
                differences.append(f"table {name} has no column {', '.join(missing)}")
    return differences
