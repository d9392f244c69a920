"""Getting batches into ClickHouse, one after the other."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from typing import Final

import polars as pl
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential_jitter,
)

from pipeline.domain.errors import Unavailable
from pipeline.sink.batch import Batch, Partition
from pipeline.sink.destination import Destination
from pipeline.sink.erasing import forget, subjects
from pipeline.sink.reading import Reader
from pipeline.sink.tables import INSERTED
from pipeline.sink.tables.erasures import ERASURES

Acknowledge = Callable[[Mapping[Partition, int]], Awaitable[None]]
"""Commits the group's offsets: the next ones to fetch."""

PATIENCE_S: Final = 120.0
"""How long brokers that take no acknowledgement are waited for, as ClickHouse is for an insert."""


class Delivery:
    """One batch fills while the one before it is inserted; offsets follow the inserts.

    A batch whose insert or acknowledgement failed stays and is tried again by the next ``send``:
    what of it is in ClickHouse already is left out or repeated, both are harmless.
    """

    def __init__(self, destination: Destination, reader: Reader, acknowledge: Acknowledge) -> None:
        self.filling = Batch()
        self.committed: dict[Partition, int] = {}
        self.inserted: Counter[str] = Counter()
        self._destination = destination
        self._reader = reader
        self._acknowledge = acknowledge
        self._leaving: Batch | None = None
        self._lock = asyncio.Lock()

    @property
    def waiting(self) -> bool:
        """Whether anything is not inserted or not acknowledged."""
        return bool(self.filling) or self._leaving is not None

    @property
    def stuck(self) -> bool:
        """Whether a batch failed and waits to be tried again."""
        return self._leaving is not None and not self._lock.locked()

    @property
    def rows(self) -> int:
        """Rows that wait or are on their way."""
        return self.filling.rows + (self._leaving.rows if self._leaving else 0)

    async def send(self) -> None:
        """Insert and acknowledge the batch that failed before, else the one that filled."""
        async with self._lock:
            if self._leaving is None:
                if not self.filling:
                    return
                self._leaving, self.filling = self.filling, Batch()
            batch = self._leaving
            await self._insert(batch)
            await self._acknowledged(batch)
            # Read again: a partition may have been taken away during the acknowledgement.
            self.committed.update(batch.positions)
            self._leaving = None

    def disown(self, partitions: Collection[Partition]) -> None:
        """Acknowledge nothing more of these partitions."""
        for batch in (self.filling, self._leaving):
            if batch is not None:
                batch.disown(partitions)
        for partition in partitions:
            self.committed.pop(partition, None)

    async def _acknowledged(self, batch: Batch) -> None:
        """Acknowledge what a batch covers; what is disowned while brokers stay away, is left."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(Unavailable),
            stop=stop_after_delay(PATIENCE_S),
            wait=wait_exponential_jitter(multiplier=0.2, max=5.0, jitter=0.2),
            reraise=True,
        ):
            with attempt:
                if batch.positions:
                    await self._acknowledge(dict(batch.positions))

    async def _insert(self, batch: Batch) -> None:
        for table in INSERTED:
            frames = batch.frames(table.name)
            if not frames:
                continue
            rows = await asyncio.to_thread(self._reader.columns(table.name).arrow, frames)
            await self._destination.insert(table.store, rows)
            if table is ERASURES:
                await forget(self._destination, subjects(_pairs(frames)))
            batch.inserted(table.name)
            self.inserted[table.name] += rows.num_rows


def _pairs(frames: Iterable[pl.DataFrame]) -> Iterable[tuple[str, str]]:
    for frame in frames:
        yield from zip(frame["kind"].to_list(), frame["subject"].to_list(), strict=True)
