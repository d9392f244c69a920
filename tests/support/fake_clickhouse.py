"""A ClickHouse in memory, for the sink: takes inserts, and fails or hangs when told to."""

import asyncio
import re
from typing import Any

import pyarrow as pa


class FakeClickHouse:
    """``failures`` are raised one per insert; ``hangs`` keeps inserts waiting until cleared.

    ``erased_left`` are the erased subjects of which a store still has rows.
    """

    def __init__(self) -> None:
        self.trouble: str | None = None
        self.retries = 0
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.log: list[str] = []
        self.failures: list[Exception] = []
        self.erased_left: dict[tuple[str, str], list[str]] = {}
        self._answers = asyncio.Event()
        self._answers.set()

    def hang(self) -> None:
        self._answers.clear()

    def go_on(self) -> None:
        self._answers.set()

    async def insert(self, store: str, rows: pa.Table) -> None:
        await self._answers.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.rows.setdefault(store, []).extend(rows.to_pylist())
        self.log.append(f"insert {store}")

    async def command(self, statement: str, doing: str) -> None:  # noqa: ARG002
        self.log.append(statement)

    async def query(self, statement: str, doing: str) -> list[tuple[Any, ...]]:  # noqa: ARG002
        kind = "person" if "erased_people" in statement else "request"
        (store,) = set(re.findall(r"\w+_store", statement))
        return [(subject,) for subject in self.erased_left.get((kind, store), [])]
