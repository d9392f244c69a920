"""Copies that the duplicate filter dropped since the last flush, by feed and hour of event time."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.codecs.completeness import Hour, by_hour, duplicates
from pipeline.domain.feeds import Feed


class DroppedCopies:
    """Counts for one flush; a task that is dropped takes with it what it did not publish."""

    def __init__(self) -> None:
        self._rows: dict[Hour, tuple[int, int]] = {}

    def add(self, feed: Feed, times: NDArray[np.int64], published_at: int) -> None:
        """Take the event times of copies, and when the last of them was published at most."""
        for hour, rows in by_hour(feed, times).items():
            before, at = self._rows.get(hour, (0, 0))
            self._rows[hour] = before + rows, max(at, published_at)

    def take(self) -> pl.DataFrame | None:
        """Return columns of completeness.avsc, a row per feed and hour; None without copies."""
        if not self._rows:
            return None
        rows, self._rows = self._rows, {}
        return duplicates(rows)
