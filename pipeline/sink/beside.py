"""A second set of tables beside the live ones, and their exchange.

    (none) ─▶ <database>_rebuild filled ─▶ marked ready ─▶ exchanged ─▶ old ones in <database>_old
               └─ cut off: begun anew         └─ cut off: taken up again


Only the stores change places; views and their definitions stay, and so does everybody who reads
them. An exchange is atomic per store, all of them take a moment. Needs databases of the engine
Atomic, which is ClickHouse's default.
"""

from dataclasses import replace
from pathlib import Path
from typing import Final

from clickhouse_connect.driver.client import Client

from pipeline.domain.errors import OurMistake
from pipeline.sink.applied_retention import apply_retention
from pipeline.sink.client import client_of, create_database, open_client, our_errors
from pipeline.sink.connection import ClickHouseConnection
from pipeline.sink.migrations import migrate, migration_differences
from pipeline.sink.queries import query
from pipeline.sink.retention import Retention
from pipeline.sink.tables import STORES, TABLES
from pipeline.sink.tables.erasures import ERASURES

_READY: Final = "ready_to_exchange"


class Beside:
    """The tables beside those of a connection's database.

    Every method raises Unavailable and OurMistake.
    """

    def __init__(self, live: ClickHouseConnection) -> None:
        self.live = live
        self.new = replace(live, database=f"{live.database}_rebuild")
        self.old = replace(live, database=f"{live.database}_old")
        self._client = open_client(live)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def check(self, migrations: Path) -> None:
        """Raise OurMistake if old tables are still there, or the live ones are not migrated."""
        if self._exists(self.old.database):
            raise OurMistake(
                f"{self.old.database} still holds the tables of an earlier rebuild: look at them, "
                "then run rebuild clickhouse --drop-old."
            )
        if differences := migration_differences(self._client, migrations):
            raise OurMistake("; ".join(differences) + "; migrate the tables first.")

    @property
    def ready(self) -> bool:
        """Whether an earlier run filled the tables and was cut off before the exchange ended."""
        return bool(self._tables(self.new.database) & {_READY})

    def begin(self, migrations: Path, retention: Retention) -> None:
        """Create empty tables; what an earlier run left unfinished is dropped."""
        self._command(f"DROP DATABASE IF EXISTS {self.new.database} SYNC", "dropping a leftover")
        create_database(self.new)
        with client_of(self.new) as client:
            migrate(client, migrations)
            apply_retention(client, retention)
        # What is erased stays erased, whatever else the topic of erasures may have lost.
        self._carry(ERASURES.store)

    def carry_over(self) -> None:
        """Copy every row of the live tables; what the topics hold replaces it by its version."""
        for store in STORES:
            self._carry(store)

    def mark_ready(self) -> None:
        """Say that the new tables are full, and which they are; from now on a run goes on."""
        names = ", ".join(f"'{store}'" for store in STORES)
        self._command(
            f"CREATE TABLE {self.new.database}.{_READY} ENGINE = MergeTree ORDER BY name AS"  # noqa: S608 - plain identifiers
            f" SELECT name, uuid FROM system.tables"
            f" WHERE database = '{self.new.database}' AND name IN ({names})",
            "marking the new tables",
        )

    def exchange(self) -> None:
        """Put the new stores where the live ones are; those that changed places already stay."""
        pending = query(
            self._client,
            f"SELECT t.name FROM system.tables AS t"  # noqa: S608 - plain identifiers
            f" INNER JOIN {self.new.database}.{_READY} AS r ON t.name = r.name AND t.uuid = r.uuid"
            f" WHERE t.database = '{self.new.database}' ORDER BY t.name",
        ).rows
        pairs = [
            f"{self.live.database}.{name} AND {self.new.database}.{name}" for (name,) in pending
        ]
        if pairs:
            self._command(f"EXCHANGE TABLES {', '.join(pairs)}", "the exchange of the tables")

    def put_away(self) -> None:
        """Move the old stores out of reach of a later run; views beside them go."""
        create_database(self.old)
        for store in sorted(self._tables(self.new.database) & set(STORES)):
            self._command(
                f"RENAME TABLE {self.new.database}.{store} TO {self.old.database}.{store}",
                f"putting {store} away",
            )
        self._command(f"DROP DATABASE {self.new.database} SYNC", "dropping what is left over")

    def drop_old(self) -> bool:
        """Drop the old tables; return whether there were any."""
        if not self._exists(self.old.database):
            return False
        self._command(f"DROP DATABASE {self.old.database} SYNC", "dropping the old tables")
        return True

    def _carry(self, store: str) -> None:
        self._command(
            f"INSERT INTO {self.new.database}.{store}"  # noqa: S608 - plain identifiers
            f" SELECT * FROM {self.live.database}.{store}"
            " SETTINGS max_partitions_per_insert_block = 0",
            f"copying {store}",
        )

    def _exists(self, database: str) -> bool:
        found = query(
            self._client,
            "SELECT 1 FROM system.databases WHERE name = {name:String}",
            {"name": database},
        )
        return bool(found.rows)

    def _tables(self, database: str) -> set[str]:
        found = query(
            self._client,
            "SELECT name FROM system.tables WHERE database = {name:String}",
            {"name": database},
        )
        return {str(name) for (name,) in found.rows}

    def _command(self, statement: str, doing: str) -> None:
        with our_errors(doing):
            self._client.command(statement)


def lost_rows(client: Client, beginnings: dict[tuple[str, int], int]) -> dict[str, int | None]:
    """Return, per table whose topic begins later than at offset 0, how many rows it had before.

    None where the table does not say from which offsets its rows are.
    """
    lost: dict[str, int | None] = {}
    for table in TABLES:
        begun = {p: at for (topic, p), at in beginnings.items() if topic == table.topic.name and at}
        if not begun:
            continue
        if not table.positions:
            lost[table.name] = None
            continue
        condition = " OR ".join(
            f"(_partition = {number} AND _offset < {at})" for number, at in begun.items()
        )
        ((count,),) = query(
            client,
            f"SELECT count() FROM {table.store} FINAL WHERE {condition}",  # noqa: S608 - numbers
        ).rows
        lost[table.name] = int(count)
    return lost
