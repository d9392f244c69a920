"""Texts of a frame of stats as detectors read them: made into Python's own when they are asked for.

A rule looks at few of the keys and members that pass it by, and making a text of one takes longer
than adding up all that is counted of it.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

Places = npt.NDArray[np.int64]


class Keys(Protocol):
    """The keys of some rows."""

    def some(self, first: int, last: int) -> Sequence[str]:
        """Return the keys of rows ``first`` to ``last`` (not included)."""


class RowKeys:
    """Keys of one column."""

    def __init__(self, texts: pl.Series) -> None:
        self._texts = texts
        self._made: list[str] | None = None
        self._hashes: Places | None = None

    def some(self, first: int, last: int) -> list[str]:
        """Return the keys of rows ``first`` to ``last`` (not included)."""
        if self._made is None:
            # All at once: a slice of a column costs as much as a hundred texts.
            self._made = self._texts.to_list()
        return self._made[first:last]

    def picked(self, rows: Places) -> "RowKeys":
        """Return the keys of some rows."""
        return RowKeys(self._texts[rows])

    def of(self, rows: Places) -> list[str]:
        """Return the keys of a few rows."""
        return self._texts[rows].to_list() if len(rows) else []

    @property
    def hashes(self) -> Places:
        """A hash of every key, within this process; none is 0."""
        if self._hashes is None:
            self._hashes = _hashes(self._texts)
        return self._hashes


class TextLists:
    """Lists of texts: all texts one after the other, and where those of each row begin and end."""

    def __init__(self, texts: pl.Series, bounds: Places) -> None:
        self._texts = texts
        self._bounds = bounds
        self._made: list[tuple[str, ...]] | None = None

    @classmethod
    def of(cls, lists: pl.Series) -> "TextLists":
        """Take the lists of a column; a null is an empty one."""
        if lists.null_count():
            lists = lists.fill_null(pl.Series([[]], dtype=lists.dtype))
        array: Any = lists.to_arrow(compat_level=pl.CompatLevel.newest())
        offsets = array.buffers()[1]
        if not len(array) or offsets is None:
            return cls(pl.Series([], dtype=pl.String), np.zeros(len(array) + 1, np.int64))
        bounds = np.frombuffer(memoryview(offsets), np.int64, len(array) + 1, 8 * array.offset)
        return cls(pl.Series(values=array.values), bounds)

    @property
    def lengths(self) -> Places:
        """How many texts each row has."""
        return np.diff(self._bounds)

    def count(self, first: int, last: int) -> int:
        """Return how many texts rows ``first`` to ``last`` (not included) have."""
        return int(self._bounds[last] - self._bounds[first])

    def picked(self, rows: Places) -> "TextLists":
        """Return the lists of some rows."""
        firsts = self._bounds[rows]
        lengths = self._bounds[rows + 1] - firsts
        bounds = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(lengths, out=bounds[1:])
        places = np.repeat(firsts - bounds[:-1], lengths) + np.arange(bounds[-1])
        return TextLists(self._texts[places], bounds)

    def alone(self, counts: Places) -> Places:
        """Return a hash of the first text of every row that counts one; 0 if it has none."""
        ones = np.zeros(len(counts), np.int64)
        rows = np.flatnonzero((counts == 1) & (self.lengths > 0))
        ones[rows] = _hashes(self._texts[self._bounds[rows]])
        return ones

    def some(self, first: int, last: int) -> list[tuple[str, ...]]:
        """Return the lists of rows ``first`` to ``last`` (not included)."""
        if self._made is None:
            self._made = self._tuples()
        return self._made[first:last]

    def _tuples(self) -> list[tuple[str, ...]]:
        """Return all lists; most have one text or none. About 0.1 µs a text."""
        first, last = int(self._bounds[0]), int(self._bounds[-1])
        texts = self._texts[first:last].to_list()
        if len(texts) == len(self._bounds) - 1 and (self.lengths == 1).all():
            return list(zip(texts, strict=True))
        ends = (self._bounds - first).tolist()
        return [tuple(texts[begin:end]) for begin, end in pairwise(ends)]

    def at(self, row: int) -> list[str]:
        """Return the list of one row."""
        return self._texts[int(self._bounds[row]) : int(self._bounds[row + 1])].to_list()


def _hashes(texts: pl.Series) -> Places:
    hashes: Places = texts.hash().to_numpy().view(np.int64)
    return np.where(hashes == 0, 1, hashes)
