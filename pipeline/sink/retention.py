"""How long ClickHouse keeps rows.

The migrations create the tables with the defaults below; an installation that wants something
else says so when it migrates. A row older than its limit goes as soon as ClickHouse merges,
also if it has just been loaded: to load history, or to simulate it, switch retention off.
"""

import re
from dataclasses import dataclass
from typing import Final

from clickhouse_connect.driver.client import Client

from pipeline.domain.errors import SettingsError
from pipeline.sink.client import our_errors
from pipeline.sink.tables import TABLES
from pipeline.sink.tables.table import Expiry

_DAYS: Final = re.compile(r"\bTTL .*?toIntervalDay\((\d+)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Retention:
    """Days to keep rows, counted from the row's own time; None keeps them for ever.

    ``raw_days``: rows as received, and late ones (a year and a month: this term against the
    same term last year). ``results_days``: sessions and statistics (three years). Anomalies and
    erasures are always kept.
    """

    raw_days: int | None = 400
    results_days: int | None = 1100
    dead_letters_days: int | None = 90

    def __post_init__(self) -> None:
        if any(days is not None and days < 1 for days in self._all()):
            raise SettingsError("Rows are kept for at least one day, or for ever.")

    def days(self, expiry: Expiry) -> int | None:
        """Return the days for a table's class of rows."""
        raw, results, dead_letters = self._all()
        return {"raw": raw, "results": results, "dead_letters": dead_letters}[expiry.keep]

    def _all(self) -> tuple[int | None, int | None, int | None]:
        return self.raw_days, self.results_days, self.dead_letters_days


FOR_EVER: Final = Retention(None, None, None)


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
        wanted = retention.days(expiry)
        if (int(match.group(1)) if match else None) != wanted:
            differing.append((store, expiry.age_of, wanted))
    return differing
