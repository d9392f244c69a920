"""Keys of records: UTF-8 text; compound ones join their parts with ``|`` (semantics rule 4)."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.codecs import encode_kernels as kernels
from pipeline.codecs.arrow_bytes import buffer_of, from_offsets
from pipeline.codecs.row_program import Line, line, written

SEPARATOR: Final = "|"
_SEPARATOR: Final = pa.py_buffer(SEPARATOR.encode())
_NOTHING: Final = np.zeros(0, np.uint8)
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
    rows, width = len(parts[0]), _SEPARATOR.size
    bar = line(kernels.CONSTANT, rows, rows * width, None, data=_SEPARATOR.address, width=width)
    lines = [_part(parts[0])]
    for part in parts[1:]:
        lines += [bar, _part(part)]
    return written(lines, rows, _NOTHING)


def joined(parts: Sequence["pa.Array[Any]"]) -> pa.BinaryArray:
    """Return the bytes of each row of all parts, one behind the other."""
    return written([_part(part) for part in parts], len(parts[0]), _NOTHING)


def _part(part: Any) -> Line:
    rows = len(part)
    if not isinstance(part, pa.Array):
        memory = buffer_of(np.ascontiguousarray(part, np.int64))
        return line(kernels.DIGITS, rows, rows * _DIGITS, memory, data=memory.address)
    _, offsets, data = part.buffers()
    if offsets is None or data is None or not rows:
        return line(kernels.CONSTANT, rows, 0, None)
    wide = np.frombuffer(memoryview(offsets), np.int64, rows + 1, part.offset * 8)
    return line(
        kernels.BARE_TEXT,
        rows,
        int(wide[-1] - wide[0]),
        (part, offsets, data),
        data=data.address,
        offsets=offsets.address + 8 * part.offset,
    )


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
