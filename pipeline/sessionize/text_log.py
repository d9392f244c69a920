"""Texts by number: one behind the other, read where they lie, rewritten when mostly waste."""

from typing import Any, Final

import numpy as np
import pyarrow as pa

from pipeline.sessionize import text_kernels
from pipeline.sessionize.arrays import I64, U8
from pipeline.sessionize.arrow_columns import text_bytes

_SLACK: Final = 1 << 16
"""Texts of waste that are not worth a rewrite."""


class TextLog:
    """Its owner knows which texts are still wanted, and rewrites it with those."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._count = 0
        self._ends: I64 = np.zeros(1025, np.int64)
        self._data: U8 = np.zeros(1 << 14, np.uint8)

    @property
    def memory(self) -> tuple[I64, U8]:
        """Where the texts end, one place later than their number, and their bytes.

        What is written there stays: a rewrite takes other memory.
        """
        return self._ends, self._data

    def append(self, texts: pa.LargeStringArray) -> I64:
        """Add texts without nulls and return their numbers."""
        if not len(texts):
            return np.empty(0, np.int64)
        data, offsets = text_bytes(texts)
        count, size = self._count, int(self._ends[self._count])
        self._ends = _with_room(self._ends, count + len(texts) + 1)
        self._data = _with_room(self._data, size + len(data))
        self._ends[count + 1 : count + len(texts) + 1] = offsets[1:] + size
        self._data[size : size + len(data)] = data
        self._count += len(texts)
        return np.arange(count, self._count)

    def wasteful(self, wanted: int) -> bool:
        """Whether it is worth rewriting if that many texts are still wanted."""
        return self._count > 2 * wanted + _SLACK

    def rewrite(self, numbers: I64) -> I64:
        """Keep only these texts, and return their new numbers; negative ones stay negative."""
        wanted = numbers >= 0
        texts = self._copies(numbers[wanted])
        self._clear()
        result = numbers.copy()
        result[wanted] = self.append(texts)
        return result

    def _copies(self, numbers: I64) -> pa.LargeStringArray:
        offsets = np.zeros(len(numbers) + 1, np.int64)
        np.cumsum(self._ends[numbers + 1] - self._ends[numbers], out=offsets[1:])
        copied: Any = np.empty(offsets[-1], np.uint8)
        text_kernels.gather_texts(self._ends, self._data, numbers, offsets, copied)
        ends: Any = offsets
        buffers = pa.py_buffer(ends), pa.py_buffer(copied)
        texts: Any = pa.LargeStringArray.from_buffers(len(numbers), *buffers)
        return texts  # type: ignore[no-any-return]


def _with_room(array: Any, needed: int) -> Any:
    if needed <= len(array):
        return array
    longer = np.zeros(max(needed, 2 * len(array)), array.dtype)
    longer[: len(array)] = array
    return longer
