"""Rows that wait for an insert, and the offsets that wait with them."""

from collections.abc import Collection, Mapping

import polars as pl

Partition = tuple[str, int]
"""Topic without prefix, and number."""


class Batch:
    """Frames per table, and how far each partition is covered by them.

    ``size`` is in bytes, as polars estimates it.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.size = 0
        self.largest = 0
        self.positions: dict[Partition, int] = {}
        self._frames: dict[str, list[pl.DataFrame]] = {}
        self._counts: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self.positions) or bool(self._frames)

    def add(self, frames: Mapping[str, pl.DataFrame], partition: Partition, position: int) -> None:
        """Take a chunk's rows; its partition is covered up to ``position``, exclusive."""
        for table, frame in frames.items():
            self._frames.setdefault(table, []).append(frame)
            self._counts[table] = self._counts.get(table, 0) + len(frame)
            self.largest = max(self.largest, self._counts[table])
            self.rows += len(frame)
            self.size += int(frame.estimated_size())
        self.positions[partition] = position

    def frames(self, table: str) -> list[pl.DataFrame]:
        """Return the rows of one table, in the order they came."""
        return self._frames.get(table, [])

    def inserted(self, table: str) -> None:
        """Drop the rows of one table."""
        self._frames.pop(table, None)

    def disown(self, partitions: Collection[Partition]) -> None:
        """Forget how far these partitions are covered; their rows may still be inserted."""
        for partition in partitions:
            self.positions.pop(partition, None)
