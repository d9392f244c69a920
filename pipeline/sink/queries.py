"""Questions others ask: counts, and any SELECT with its column names."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from pipeline.sink.client import our_errors
from pipeline.sink.tables import TABLES


class Rows(NamedTuple):
    """A result: times are aware and in UTC."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def query(client: Client, statement: str, parameters: Mapping[str, Any] | None = None) -> Rows:
    """Run a SELECT; ``{name:Type}`` in it takes its value from the parameters."""
    with our_errors("the query"):
        found = client.query(statement, parameters=dict(parameters or {}), tz_mode="aware")
    return Rows(tuple(found.column_names), [tuple(row) for row in found.result_rows])


def count_tables(client: Client) -> dict[str, int]:
    """Return the number of rows of every table as analysts see it, copies left out."""
    counted = {}
    for table in TABLES:
        ((count,),) = query(client, f"SELECT count() FROM {table.name}").rows  # noqa: S608 - ours
        counted[table.name] = int(count)
    return counted
