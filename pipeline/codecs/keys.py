"""Keys of records: UTF-8 text; compound ones join their parts with ``|`` (semantics rule 4)."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.codecs import encode_kernels as kernels
from pipeline.codecs.arrow_bytes import Bytes, Int64s, from_offsets

SEPARATOR: Final = "|"
_SEPARATOR: Final = np.frombuffer(SEPARATOR.encode(), np.uint8)
_DIGITS: Final = 20
"""Of a number of 64 bits, its sign included."""


def join_key(*parts: pl.Expr | str) -> pl.Expr:
    """Return an expression for a compound key; strings name columns.

    Times and numbers are written in digits. A null part makes the key null, and no record has a
    null key.
    """
    texts = [(pl.col(part) if isinstance(part, str) else part).cast(pl.String) for part in parts]
    return pl.concat_str(texts, separator=SEPARATOR)


def joined_keys(parts: Sequence[pa.LargeStringArray | NDArray[np.int64]]) -> pa.BinaryArray:
    """Return what ``join_key`` gives for texts and numbers without nulls, and no polars.

    A query of polars costs a millisecond on a machine whose cores are busy, few rows or many.
    """
    texts = [_text(part) if isinstance(part, pa.Array) else None for part in parts]
    longest = np.full(len(parts[0]), len(parts) - 1, np.int64)
    for text in texts:
        longest += _DIGITS if text is None else np.diff(text[1])
    ends = np.cumsum(longest)
    starts = ends - longest
    cursors, scratch = starts.copy(), np.empty(int(longest.sum()), np.uint8)
    for number, (part, text) in enumerate(zip(parts, texts, strict=True)):
        if number:
            kernels.put_constant(_SEPARATOR, scratch, cursors)
        if text is None:
            numbers: Any = part
            kernels.put_digits(numbers, scratch, cursors)
        else:
            kernels.put_bare_texts(*text, scratch, cursors)
    offsets = np.zeros(len(longest) + 1, np.int32)
    keys = np.empty(len(scratch), np.uint8)
    end = kernels.gather(scratch, starts, cursors, keys, 0, offsets[1:])
    if end >= 1 << 31:
        raise ValueError("more than 2 GiB cannot be one binary array")
    return from_offsets(offsets, keys[:end])


def _text(texts: Any) -> tuple[Bytes, Int64s]:
    _, offsets, data = texts.buffers()
    if offsets is None or not len(texts):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    wide = np.frombuffer(memoryview(offsets), np.int64, len(texts) + 1, texts.offset * 8)
    return np.frombuffer(b"" if data is None else memoryview(data), np.uint8), wide


def binary_values(column: pl.Series) -> pa.BinaryArray:
    """Return texts or bytes as keys and values of records are handed over; nulls are empty."""
    if column.null_count():
        column = column.fill_null(b"" if column.dtype == pl.Binary else "")
    large = column.to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = large.buffers()
    if offsets is None or data is None:
        return pa.array([b""] * len(column), pa.binary())
    wide = np.frombuffer(memoryview(offsets), np.int64, len(large) + 1, large.offset * 8)
    return from_offsets(wide, np.frombuffer(memoryview(data), np.uint8))
