"""Columns of texts as compiled loops see them: Arrow's views and the one buffer they point into.

https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout
"""

from typing import Any, Final, NamedTuple, cast

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.codecs.arrow_bytes import Bytes, Int64s, buffer_of

_VIEW_BYTES: Final = 16
_DATA: Final = 2
_NEWEST: Final = pl.CompatLevel.newest()
_OLDEST: Final = pl.CompatLevel.oldest()
ALL: Final[NDArray[np.bool_]] = np.zeros(0, bool)
"""In place of flags that would all be true."""


class Numbers(NamedTuple):
    """A column's whole numbers; ``present`` says which are not null, empty if all are."""

    values: Int64s
    present: NDArray[np.bool_]


class TextViews(NamedTuple):
    """A column's texts.

    ``views`` has two words a row; ``present`` says which are not null, empty if all are.
    """

    views: Int64s
    data: Bytes
    present: NDArray[np.bool_]


def text_views(column: pl.Series) -> TextViews:
    """Return the texts of a column; they are copied only if they lie in several buffers."""
    array = column.to_arrow(compat_level=_NEWEST)
    if len(array.buffers()) > _DATA + 1:
        array = cast(pl.Series, pl.from_arrow(column.to_arrow(compat_level=_OLDEST))).to_arrow(
            compat_level=_NEWEST
        )
    buffers = array.buffers()
    words = np.frombuffer(_memory(buffers[1]), np.int64, 2 * len(array), array.offset * _VIEW_BYTES)
    data = np.frombuffer(_memory(buffers[_DATA] if len(buffers) > _DATA else None), np.uint8)
    present = _bits(array, buffers[0]) if column.null_count() else ALL
    return TextViews(words, data, present)


def text_column(texts: TextViews) -> pl.Series:
    """Return texts as a column; views and data are not copied and must be UTF-8."""
    rows = len(texts.views) // 2
    validity = None
    if texts.present.size:
        validity = buffer_of(np.packbits(texts.present, bitorder="little"))
    buffers = [validity, buffer_of(texts.views), buffer_of(texts.data)]
    array: Any = pa.Array.from_buffers(pa.string_view(), rows, buffers)
    return cast(pl.Series, pl.from_arrow(array))


def _bits(array: Any, validity: pa.Buffer | None) -> NDArray[np.bool_]:
    flags = np.unpackbits(
        np.frombuffer(_memory(validity), np.uint8),
        count=array.offset + len(array),
        bitorder="little",
    )
    return flags[array.offset :].view(np.bool_)


def _memory(buffer: pa.Buffer | None) -> Any:
    return b"" if buffer is None else memoryview(buffer)
