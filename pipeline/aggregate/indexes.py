"""Numbers for texts and for pairs of integers, in the order in which they first come."""

import numpy as np
import numpy.typing as npt

from pipeline.aggregate import index_kernels
from pipeline.aggregate.arrays import longer
from pipeline.aggregate.arrow_texts import I64, Bytes, Texts, picked
from pipeline.aggregate.batch_columns import TextViews

_FIRST = 256
_ALL = np.zeros(0, bool)


class TextIndex:
    """Numbers every (space, text); spaces are integers that keep kinds of texts apart."""

    def __init__(self) -> None:
        self._used = 0
        self._table = _table(_FIRST)
        self._hashes: npt.NDArray[np.uint64] = np.empty(_FIRST, np.uint64)
        self._spaces: I64 = np.empty(_FIRST, np.int64)
        self._ends: I64 = np.zeros(_FIRST + 1, np.int64)
        self._pool: Bytes = np.empty(16 * _FIRST, np.uint8)

    def __len__(self) -> int:
        """Return how many texts are numbered."""
        return self._used

    @property
    def spaces(self) -> I64:
        """The space of every text."""
        return self._spaces[: self._used]

    def clear(self) -> None:
        """Forget all texts; the room they took stays."""
        self._used = 0
        self._table.fill(index_kernels.FREE)

    def numbers(self, spaces: I64, texts: Texts) -> I64:
        """Return the number of each row's text, a new one where it is not known yet."""
        found, done = np.empty(len(spaces), np.int64), 0
        while True:
            done, self._used = index_kernels.find_texts(
                spaces,
                *texts,
                done,
                found,
                self._table,
                self._hashes,
                self._spaces,
                self._ends,
                self._pool,
                self._used,
            )
            if done == len(spaces):
                return found
            self._grow(int(texts.offsets[done + 1] - texts.offsets[done]))

    def numbers_of_views(self, space: int, texts: TextViews, missing: Bytes) -> I64:
        """Return the numbers of a column's texts where they lie, of ``missing`` for a null."""
        found, done = np.empty(len(texts.views) // 2, np.int64), 0
        present = _ALL if texts.present is None else texts.present
        while True:
            done, self._used = index_kernels.find_views(
                space,
                *texts[:3],
                present,
                missing,
                done,
                found,
                self._table,
                self._hashes,
                self._spaces,
                self._ends,
                self._pool,
                self._used,
            )
            if done == len(found):
                return found
            self._grow(max(int(texts.views[2 * done]) & 0x7FFFFFFF, len(missing)))

    @property
    def memory(self) -> Texts:
        """All texts by number, where they lie; good until ``numbers`` is called after ``clear``."""
        return Texts(self._ends, self._pool)

    def texts(self, numbers: I64) -> Texts:
        """Return the texts of numbers."""
        starts = self._ends[numbers]
        return picked(starts, self._ends[numbers + 1] - starts, self._pool)

    def _grow(self, length: int) -> None:
        """Make room for one text more, of ``length`` bytes, and for as many as there are."""
        if self._ends[self._used] + length > len(self._pool):
            self._pool = longer(self._pool, len(self._pool) + length, filled_with=0)
        if self._used >= len(self._hashes):
            self._hashes = longer(self._hashes, self._used + 1, filled_with=0)
            self._spaces = longer(self._spaces, len(self._hashes), filled_with=0)
            self._ends = longer(self._ends, len(self._hashes) + 1, filled_with=0)
        if 2 * self._used >= len(self._table):
            self._table = _table(len(self._table))
            index_kernels.place_texts(self._hashes, self._used, self._table)


class PairIndex:
    """Numbers pairs of integers."""

    def __init__(self) -> None:
        self._used = 0
        self._table = _table(_FIRST)
        self._left: I64 = np.empty(_FIRST, np.int64)
        self._right: I64 = np.empty(_FIRST, np.int64)

    def __len__(self) -> int:
        """Return how many pairs are numbered."""
        return self._used

    @property
    def left(self) -> I64:
        """The first of every pair."""
        return self._left[: self._used]

    @property
    def right(self) -> I64:
        """The second of every pair."""
        return self._right[: self._used]

    def clear(self) -> None:
        """Forget all pairs; the room they took stays."""
        self._used = 0
        self._table.fill(index_kernels.FREE)

    def numbers(self, left: I64, right: I64) -> I64:
        """Return the number of each row's pair, a new one where it is not known yet."""
        found, done = np.empty(len(left), np.int64), 0
        while True:
            done, self._used = index_kernels.find_pairs(
                left, right, done, found, self._table, self._left, self._right, self._used
            )
            if done == len(left):
                return found
            if self._used >= len(self._left):
                self._left = longer(self._left, self._used + 1, filled_with=0)
                self._right = longer(self._right, len(self._left), filled_with=0)
            if 2 * self._used >= len(self._table):
                self._table = _table(len(self._table))
                index_kernels.place_pairs(self._left, self._right, self._used, self._table)


def _table(numbers: int) -> npt.NDArray[np.int32]:
    """Return an empty table for so many numbers; a power of two."""
    return np.full(2 * numbers, index_kernels.FREE, np.int32)
