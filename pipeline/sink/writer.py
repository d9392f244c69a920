"""Inserting, with patience."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import pyarrow as pa
import structlog
from clickhouse_connect.driver.asyncclient import AsyncClient
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential_jitter,
)

from pipeline.domain.errors import Unavailable
from pipeline.sink.client import open_async_client, our_errors
from pipeline.sink.connection import ClickHouseConnection

_T = TypeVar("_T")
_log = structlog.get_logger(__name__)

LARGEST_INSERT: Final = 100_000
"""Rows: 10,000 to 100,000 an insert are fastest; larger ones only need more memory."""

MARGIN_S: Final = 15.0
"""Beyond the limit of one answer: the client's own limits are per socket call, this is for all."""

INSERT_SETTINGS: Final[dict[str, str | int]] = {
    # Acknowledged means on disk, not in the server's queue; the default changed in 26.
    "async_insert": 0,
    # Blocks are never recognised as repeated: after kill -9 the server was seen to drop rows
    # by their token that it did not have. Identity and version make repetition harmless.
    "deduplicate_insert": "disable",
    "insert_deduplicate": 0,
    # A file may hold rows of many months; each is a partition.
    "max_partitions_per_insert_block": 0,
}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an unavailable server is waited for, in seconds."""

    first_wait_s: float = 0.2
    longest_wait_s: float = 10.0
    give_up_after_s: float = 120.0


class ClickHouseWriter:
    """Runs inserts and commands against one database.

    The client is the asynchronous one: a statement that hangs can be given up, and its thread
    encodes and compresses outside the event loop. It opens at the first statement.
    ``trouble`` says why the server is being waited for, None while all is well; ``retries``
    counts the statements that had to be tried again.
    Every method raises Unavailable after the patience's bound and OurMistake at once.
    """

    def __init__(self, connection: ClickHouseConnection, patience: Patience | None = None) -> None:
        self.trouble: str | None = None
        self.retries = 0
        self._connection = connection
        self._patience = patience or Patience()
        self._client: AsyncClient | None = None

    async def insert(self, store: str, rows: pa.Table) -> None:
        """Insert rows; on return they are on the server's disk."""
        for start in range(0, rows.num_rows, LARGEST_INSERT):
            part = rows.slice(start, LARGEST_INSERT)
            await self._patiently(f"an insert into {store}", _Insert(store, part))

    async def command(self, statement: str, doing: str) -> None:
        """Run a statement without a result; it must bear repetition."""

        async def run(client: AsyncClient) -> None:
            await client.command(statement)

        await self._patiently(doing, run)

    async def query(self, statement: str, doing: str) -> list[tuple[Any, ...]]:
        """Return a query's rows."""

        async def ask(client: AsyncClient) -> list[tuple[Any, ...]]:
            return [tuple(row) for row in (await client.query(statement)).result_rows]

        return await self._patiently(doing, ask)

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _patiently(self, doing: str, call: Callable[[AsyncClient], Awaitable[_T]]) -> _T:
        patience = self._patience
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(Unavailable),
            stop=stop_after_delay(patience.give_up_after_s),
            wait=wait_exponential_jitter(
                multiplier=patience.first_wait_s,
                max=patience.longest_wait_s,
                jitter=patience.first_wait_s,
            ),
            before_sleep=self._waiting,
            reraise=True,
        )

        async def attempt() -> _T:
            with our_errors(doing):
                async with asyncio.timeout(self._connection.answer_timeout_s + MARGIN_S):
                    if self._client is None:
                        self._client = await open_async_client(self._connection)
                    return await call(self._client)

        result: _T = await attempts(attempt)
        self.trouble = None
        return result

    def _waiting(self, state: RetryCallState) -> None:
        self.retries += 1
        error = state.outcome.exception() if state.outcome else None
        if self.trouble is None:
            _log.warning("clickhouse unavailable", error=str(error))
        self.trouble = str(error)


class _Insert:
    """One insert, ready to be repeated."""

    def __init__(self, store: str, rows: pa.Table) -> None:
        self._store = store
        self._rows = rows

    async def __call__(self, client: AsyncClient) -> None:
        known = client.server_settings
        settings = {name: value for name, value in INSERT_SETTINGS.items() if name in known}
        await client.insert_arrow(self._store, self._rows, settings=settings)
