"""What the stage needs of ClickHouse."""

from typing import Any, Protocol

import pyarrow as pa


class Destination(Protocol):
    """Statements that wait for an unavailable server and bear repetition.

    ``trouble`` says why the server is being waited for, None while all is well; ``retries``
    counts the statements that had to be tried again.
    """

    trouble: str | None
    retries: int

    async def insert(self, store: str, rows: pa.Table) -> None:
        """Insert rows; on return they are on the server's disk."""

    async def command(self, statement: str, doing: str) -> None:
        """Run a statement without a result; ``doing`` names it in errors."""

    async def query(self, statement: str, doing: str) -> list[tuple[Any, ...]]:
        """Return a query's rows."""
