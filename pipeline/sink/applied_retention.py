"""The tables' limits of age, as ``retention`` wants them."""

import re
from typing import Final

from clickhouse_connect.driver.client import Client

from pipeline.sink.client import our_errors
from pipeline.sink.retention import Retention
from pipeline.sink.tables import TABLES

_DAYS: Final = re.compile(r"\bTTL .*?toIntervalDay\((\d+)\)", re.DOTALL)


def apply_retention(client: Client, retention: Retention) -> list[str]:
    """Give every table the wanted limit; return the stores that were changed."""
    changed = []
    for store, age_of, wanted in _differing(client, retention):
        limit = f"MODIFY TTL {age_of} + toIntervalDay({wanted})"
        action = "REMOVE TTL" if wanted is None else limit
        with our_errors(f"the retention of {store}"):
            client.command(f"ALTER TABLE {store} {action}")
        changed.append(store)
    return changed


def retention_differences(client: Client, retention: Retention) -> list[str]:
    """Return a sentence for every table that keeps rows longer or shorter than wanted."""
    return [
        f"{store} should keep rows {'for ever' if wanted is None else f'{wanted} days'}"
        for store, _, wanted in _differing(client, retention)
    ]


def _differing(client: Client, retention: Retention) -> list[tuple[str, str, int | None]]:
    with our_errors("reading the tables"):
        found = client.query(
            "SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()"
        )
    engines: dict[str, str] = {str(name): str(engine) for name, engine in found.result_rows}
    differing = []
    for store, expiry in ((store, table.expiry) for table in TABLES for store in table.stores):
        if expiry is None or store not in engines:
            continue
        match = _DAYS.search(engines[store])
        wanted = retention.days(expiry.keep)
        if (int(match.group(1)) if match else None) != wanted:
            differing.append((store, expiry.age_of, wanted))
    return differing
