"""Numbers for the keys of rows: keys of several parts are never joined row by row."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from pipeline.aggregate.arrow_texts import I64, Bytes, Texts, joined
from pipeline.aggregate.batch_columns import TextViews
from pipeline.aggregate.indexes import PairIndex, TextIndex

SEPARATOR: Final = "#"
_EMPTY: Final = Texts(np.zeros(2, np.int64), np.zeros(0, np.uint8))


class KeyNumbers:
    """Numbers every (space, key); a space is a feed and dimension."""

    def __init__(self) -> None:
        self._keys = TextIndex()
        self._parts = TextIndex()
        self._pairs = PairIndex()
        self._joined: I64 = np.empty(0, np.int64)

    def __len__(self) -> int:
        """Return how many keys are numbered."""
        return len(self._keys)

    def of_texts(self, space: int, parts: Sequence[Texts], rows: int) -> I64:
        """Return the number of every row's key, made of two parts or one; of none, it is empty."""
        if not parts:
            return np.full(rows, self._keys.numbers(np.array([space]), _EMPTY)[0])
        spaces = np.full(rows, space)
        if len(parts) == 1:
            return self._keys.numbers(spaces, parts[0])
        left, right = (self._parts.numbers(spaces, part) for part in parts)
        return self._of_pairs(left, right)

    def of_spaces(self, spaces: I64, keys: Texts) -> I64:
        """Return the numbers of whole keys, each of a space of its own."""
        return self._keys.numbers(spaces, keys)

    def of_views(self, space: int, parts: Sequence[tuple[TextViews, Bytes]]) -> I64:
        """Return the number of every row's key, made of two whole columns or one.

        Each comes with what stands for a null of it.
        """
        if len(parts) == 1:
            return self._keys.numbers_of_views(space, *parts[0])
        left, right = (self._parts.numbers_of_views(space, *part) for part in parts)
        return self._of_pairs(left, right)

    def _of_pairs(self, left: I64, right: I64) -> I64:
        pairs, known = self._pairs.numbers(left, right), len(self._joined)
        if len(self._pairs) > known:
            self._join(known)
        return self._joined[pairs]

    def spaces(self, numbers: I64) -> I64:
        """Return the spaces of keys."""
        return self._keys.spaces[numbers]

    @property
    def memory(self) -> Texts:
        """All keys by number, where they lie; good until one is numbered after ``clear``."""
        return self._keys.memory

    def texts(self, numbers: I64) -> Texts:
        """Return the texts of keys."""
        return self._keys.texts(numbers)

    def clear(self) -> None:
        """Forget all keys."""
        for each in (self._keys, self._parts, self._pairs):
            each.clear()
        self._joined = self._joined[:0]

    def _join(self, known: int) -> None:
        """Give numbers to the keys of the pairs that are new."""
        left, right = self._pairs.left[known:], self._pairs.right[known:]
        keys = self._keys.numbers(
            self._parts.spaces[left],
            joined(self._parts.texts(left), SEPARATOR, self._parts.texts(right)),
        )
        self._joined = np.concatenate([self._joined, keys])
