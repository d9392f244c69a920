"""Opens the database directory; the only importer of chDB."""

from pathlib import Path
from typing import Any

import chdb

Connection = Any
"""chDB's untyped connection: ``query``, ``send_query``, ``send_insert``, ``close`` …"""


class Engine:
    """The open database. One per process, and one process per directory."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        # the package's own connections add cursors and progress bars; these are bare
        bare: Any = chdb._chdb  # noqa: SLF001
        bare.set_signal_handlers_enabled(0)  # signals are the front's
        self._connect = bare.connect
        self._path = str(path)
        self._anchor: Connection = self._connect(self._path)
        row = self._anchor.query("SELECT version(), timezone()", "TSV").bytes().decode()
        self.version, self.timezone = row.rstrip("\n").split("\t")

    def connect(self) -> Connection:
        """Return a new connection (0.2 ms) with settings and current database of its own."""
        connection = self._connect(self._path)
        connection.query("SET implicit_select = 0", "TSV")  # as the server: `garbage` is no query
        return connection

    def cancel_all(self) -> None:
        """Ask every running query to end."""
        self._anchor.query("KILL QUERY WHERE 1 ASYNC", "TSV")

    def close(self) -> None:
        """Close the database; connections must be closed by then."""
        self._anchor.close()
