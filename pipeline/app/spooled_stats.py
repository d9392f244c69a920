"""Revised statistics on disk, until anomalies are judged by them."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from pipeline.domain.event_time import MINUTE


class SpooledStats:
    """Frames of RequestStat records by range of minutes, in the order they were added."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._parts: list[tuple[int, int, Path]] = []

    @property
    def first(self) -> int | None:
        """The first minute that is revised."""
        return min((first for first, _, _ in self._parts), default=None)

    @property
    def end(self) -> int | None:
        """The end of the last minute that is revised."""
        return max((last + MINUTE for _, last, _ in self._parts), default=None)

    def add(self, records: pl.DataFrame) -> None:
        """Keep records."""
        if records.height == 0:
            return
        path = self._directory / f"{len(self._parts)}.arrow"
        records.write_ipc(path)
        first, last = int(records["minute"].min()), int(records["minute"].max())  # type: ignore[arg-type]
        self._parts.append((first, last, path))

    def between(self, start: int, end: int) -> list[pl.DataFrame]:
        """Return the records of minutes in [start, end)."""
        minute = pl.col("minute")
        return [
            pl.read_ipc(path).filter((minute >= start) & (minute < end))
            for first, last, path in self._parts
            if first < end and last >= start
        ]

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Walk all records, part by part."""
        return (pl.read_ipc(path) for _, _, path in self._parts)
