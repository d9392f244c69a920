"""Texts and lists of texts between polars and the kernels: offsets and bytes, as Arrow has them.

https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-layout
"""

from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.aggregate import text_kernels

I64 = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


class Texts(NamedTuple):
    """Text ``i`` is ``data[offsets[i] : offsets[i + 1]]``, UTF-8."""

    offsets: I64
    data: Bytes

    def some(self, rows: I64) -> "Texts":
        """Return copies of the texts of some rows."""
        starts = self.offsets[rows]
        return picked(starts, self.offsets[rows + 1] - starts, self.data)

    def series(self) -> pl.Series:
        """Return the texts as a String series."""
        return pl.Series(values=self.arrow(), dtype=pl.String)

    def lists(self, counts: I64) -> "TextsInLists":
        """Return them as lists, ``counts[i]`` long."""
        return TextsInLists(offsets_of(counts), self)

    def arrow(self) -> pa.LargeStringArray:
        """Return the texts as an Arrow array; nothing is copied."""
        buffers = [
            None,
            pa.py_buffer(cast(bytes, self.offsets)),
            pa.py_buffer(cast(bytes, self.data)),
        ]
        array = pa.Array.from_buffers(pa.large_string(), len(self.offsets) - 1, buffers)
        return cast(pa.LargeStringArray, array)


class TextsInLists(NamedTuple):
    """List ``i`` is the texts from ``bounds[i]`` up to ``bounds[i + 1]``."""

    bounds: I64
    texts: Texts

    def arrow(self) -> "pa.LargeListArray[Any]":
        """Return the lists as an Arrow array; nothing is copied."""
        return lists_of(self.bounds, self.texts.arrow())


def lists_of(bounds: I64, items: Any) -> "pa.LargeListArray[Any]":
    """Return items as lists: list ``i`` is those from ``bounds[i]`` up to ``bounds[i + 1]``."""
    offsets: Any = bounds
    buffers = [None, pa.py_buffer(offsets)]
    kind = pa.large_list(items.type)
    lists = pa.Array.from_buffers(kind, len(bounds) - 1, buffers, children=[items])
    return cast("pa.LargeListArray[Any]", lists)


def longs_of(values: I64) -> Any:
    """Return numbers as an Arrow array; nothing is copied."""
    content: Any = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.int64(), len(values), [None, pa.py_buffer(content)])


def texts_of(series: pl.Series) -> Texts:
    """Return the texts of a String series without nulls."""
    return _of_arrow(series.to_arrow(compat_level=pl.CompatLevel.oldest()))


def joined(left: Texts, between: str, right: Texts) -> Texts:
    """Return the texts of both sides, joined row by row."""
    parts: list[Any] = [left.arrow(), right.arrow(), pa.scalar(between, pa.large_string())]
    return _of_arrow(pc.binary_join_element_wise(*parts))


def list_items(series: pl.Series) -> tuple[I64, Any]:
    """Return the offsets of a list series, and the items that they point into."""
    array: Any = series.to_arrow(compat_level=pl.CompatLevel.oldest())
    offsets = array.buffers()[1]
    if offsets is None or len(array) == 0:
        return np.zeros(len(array) + 1, np.int64), array.values
    return np.frombuffer(
        memoryview(offsets), np.int64, len(array) + 1, array.offset * 8
    ), array.values


def _of_arrow(array: Any) -> Texts:
    if len(array) == 0:
        return Texts(np.zeros(1, np.int64), np.zeros(0, np.uint8))
    _, offsets, data = array.buffers()
    bytes_ = np.zeros(0, np.uint8) if data is None else np.frombuffer(memoryview(data), np.uint8)
    wide = np.frombuffer(memoryview(offsets), np.int64, len(array) + 1, array.offset * 8)
    return Texts(wide, bytes_)


def picked(starts: I64, lengths: I64, pool: Bytes) -> Texts:
    """Return copies of the texts that lie in a pool."""
    offsets = offsets_of(lengths)
    data = np.empty(offsets[-1], np.uint8)
    text_kernels.copy_texts(starts, lengths, pool, offsets, data)
    return Texts(offsets, data)


def offsets_of(lengths: I64) -> I64:
    """Return where each of things that are so long begins, one behind the other, and the end."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
