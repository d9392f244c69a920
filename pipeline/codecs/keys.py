"""Keys of records: UTF-8 text; compound ones join their parts with ``|`` (semantics rule 4)."""

from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.codecs.arrow_bytes import from_offsets

SEPARATOR: Final = "|"


def join_key(*parts: pl.Expr | str) -> pl.Expr:
    """Return an expression for a compound key; strings name columns.

    Times and numbers are written in digits. A null part makes the key null, and no record has a
    null key.
    """
    texts = [(pl.col(part) if isinstance(part, str) else part).cast(pl.String) for part in parts]
    return pl.concat_str(texts, separator=SEPARATOR)


def key_of(*parts: str | int) -> bytes:
    """Return one compound key."""
    return SEPARATOR.join(map(str, parts)).encode()


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
