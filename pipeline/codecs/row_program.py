"""What ``encode_kernels.write_rows`` is told: a line for each field, and its memory."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.codecs import encode_kernels as kernels
from pipeline.codecs.arrow_bytes import Bytes, Int64s, from_offsets
from pipeline.domain.errors import OurMistake


class Line(NamedTuple):
    """One field of all rows.

    ``places`` is its line of the program. ``longest`` is how many bytes its ``rows`` may take
    together. ``keeps`` is what it points into: it lives as long as the line.
    """

    places: tuple[int, ...]
    rows: int
    longest: int
    keeps: Any


def line(
    kind: int,
    rows: int,
    longest: int,
    keeps: Any,
    *,
    union: int = 0,
    valid: int = 0,
    data: int = 0,
    offsets: int = 0,
    bounds: int = 0,
    width: int = 0,
) -> Line:
    """Return a line; see ``encode_kernels`` for its places."""
    return Line((kind, union, valid, data, offsets, bounds, width, 0, 0, 0), rows, longest, keeps)


def written(lines: Sequence[Line], rows: int, prefix: Bytes) -> pa.BinaryArray:
    """Return the rows, each after the prefix.

    Raises OurMistake if lines have other numbers of rows, ValueError if 32 bits do not hold them.
    """
    if any(each.rows != rows for each in lines):
        raise OurMistake(f"columns of {sorted({each.rows for each in lines})} rows are no frame")
    program = np.array([each.places for each in lines], np.int64).reshape(-1, kernels.PLACES)
    return run(program, rows, prefix, sum(each.longest for each in lines))


def run(program: Int64s, rows: int, prefix: Bytes, longest: int) -> pa.BinaryArray:
    """Return what a program writes, at most so many bytes behind the prefixes of its rows.

    Raises ValueError if 32 bits do not hold them.
    """
    # Pages that are never written to are never handed out by the system.
    values = np.empty(rows * len(prefix) + longest, np.uint8)
    offsets = np.empty(rows + 1, np.int32)
    end = kernels.write_rows(program, prefix, values, offsets)
    if end >= 1 << 31:
        raise ValueError("more than 2 GiB cannot be one binary array")
    return from_offsets(offsets, values[:end])
