"""Texts by number: one behind the other, read where they lie, rewritten when mostly waste."""

from typing import Any, Final

import numpy as np

from pipeline.sessionize import text_kernels
from pipeline.sessionize.arrays import I64, U8
from pipeline.sessionize.text_views import TextViews

_SLACK: Final = 1 << 16
"""Texts of waste that are not worth a rewrite."""


class TextLog:
    """Its owner knows which texts are still wanted, and rewrites it with those."""

    def __init__(self) -> None:
        self._count = 0
        self._ends: I64 = np.zeros(1025, np.int64)
        self._data: U8 = np.zeros(1 << 14, np.uint8)

    @property
    def memory(self) -> tuple[I64, U8]:
        """Where the texts end, one place later than their number, and their bytes.

        What is written there stays: a rewrite takes other memory.
        """
        return self._ends, self._data

    def append(self, texts: TextViews, rows: I64) -> I64:
        """Add copies of some texts, none of them null, and return their numbers."""
        if not len(rows):
            return np.empty(0, np.int64)
        count, end = self._count, self._count + len(rows)
        self._ends = _with_room(self._ends, end + 1)
        ends = self._ends[count : end + 1]
        text_kernels.note_ends(texts.views, rows, ends)
        self._data = _with_room(self._data, int(ends[-1]))
        text_kernels.copy_texts(texts.views, texts.data, rows, ends, self._data)
        self._count = end
        return np.arange(count, end)

    def wasteful(self, wanted: int) -> bool:
        """Whether it is worth rewriting if that many texts are still wanted."""
        return self._count > 2 * wanted + _SLACK

    def rewrite(self, numbers: I64) -> I64:
        """Keep only these texts, and return their new numbers; negative ones stay negative."""
        wanted = numbers >= 0
        kept = numbers[wanted]
        former_ends, former = self._ends, self._data
        self._ends = np.zeros(len(kept) + 1, np.int64)
        np.cumsum(former_ends[kept + 1] - former_ends[kept], out=self._ends[1:])
        self._data = np.empty(self._ends[-1], np.uint8)
        text_kernels.gather_texts(former_ends, former, kept, self._ends, self._data)
        self._count = len(kept)
        result = numbers.copy()
        result[wanted] = np.arange(len(kept))
        return result


def _with_room(array: Any, needed: int) -> Any:
    if needed <= len(array):
        return array
    longer = np.zeros(max(needed, 2 * len(array)), array.dtype)
    longer[: len(array)] = array
    return longer
