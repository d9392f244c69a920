"""Texts of a column where they lie: Arrow's views, and the one buffer they point into."""

from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.sessionize.arrays import I64, U8, U64, Flags
from pipeline.sessionize.arrow_columns import validity
from pipeline.sessionize.text_kernels import copy_texts

_NEWEST: Final = pl.CompatLevel.newest()
_OLDEST: Final = pl.CompatLevel.oldest()
_DATA: Final = 2
_LENGTH: Final = np.uint64(0x7FFFFFFF)
_ALL: Final = np.empty(0, np.bool_)


class TextViews(NamedTuple):
    """Two words a text (``text_kernels``), the data, and which texts are not null: none named, all.

    What a null's words say means nothing.
    """

    views: U64
    data: U8
    valid: Flags

    def lengths(self, rows: I64 | slice) -> I64:
        """Return the lengths of some texts in bytes."""
        return (self.views[::2][rows] & _LENGTH).view(np.int64)

    def copies(self, rows: I64) -> pa.LargeStringArray:
        """Return copies of some texts, none of them null."""
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(self.lengths(rows), out=offsets[1:])
        copied: Any = np.empty(offsets[-1], np.uint8)
        copy_texts(self.views, self.data, rows, offsets, copied)
        ends: Any = offsets
        buffers = pa.py_buffer(ends), pa.py_buffer(copied)
        texts: Any = pa.LargeStringArray.from_buffers(len(rows), *buffers)
        return texts  # type: ignore[no-any-return]


def text_views(column: pl.Series) -> TextViews:
    """Return the texts of a column; they are copied only if they lie in several buffers."""
    array: Any = column.to_arrow(compat_level=_NEWEST)
    buffers = array.buffers()
    if len(buffers) > _DATA + 1:
        plain: Any = pl.from_arrow(column.to_arrow(compat_level=_OLDEST))
        array = plain.to_arrow(compat_level=_NEWEST)
        buffers = array.buffers()
    words = np.frombuffer(buffers[1] or b"", np.uint64)
    views = words[2 * array.offset : 2 * (array.offset + len(array))]
    data = np.frombuffer((buffers[_DATA] if len(buffers) > _DATA else None) or b"", np.uint8)
    valid = validity(array)
    return TextViews(views, data, _ALL if valid is None else valid)
