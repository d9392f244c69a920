"""From the words that compiled loops leave to Arrow columns: texts are views, none is copied."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.codecs import value_kernels as kernels
from pipeline.codecs.arrow_bytes import Bytes, Int64s, buffer_of
from pipeline.codecs.flat_schema import Kind
from pipeline.codecs.spans import Spans
from pipeline.codecs.value_program import Program, ReadColumn

_ARROW: Final[Mapping[Kind, Any]] = {
    "string": pa.string_view(),
    "bytes": pa.binary_view(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
}
_NUMPY: Final[Mapping[Kind, Any]] = {
    "int": np.int32,
    "long": np.int64,
    "float": np.float32,
    "double": np.float64,
}


class Values(NamedTuple):
    """``frame`` has a row for every sound value; ``faults`` says what each value was."""

    frame: pl.DataFrame
    faults: Bytes


def read(values: Spans, program: Program) -> Values:
    """Read the program's columns; the frame's texts point into the data of the values.

    The data must be shorter than 2 GiB, for views hold places of 31 bits.
    """
    count = values.size
    words = np.empty(max(program.units, 1) * count, np.int64)
    present = np.empty((max(len(program.columns), 1), count), np.uint8)
    faults = np.empty(count, np.uint8)
    rows = kernels.read_values(*values, program.steps, words, present, faults)
    made = []
    for place, column in enumerate(program.columns):
        validity = None
        if column.written.nullable and column.ours.nullable:
            validity = _bits_unless_all(present[place, :rows])
        own = words[column.unit * count :]
        if column.written.array:
            counts = own[count : count + rows]
            made.append(_lists(values.data, column, own[:rows], counts, validity))
        else:
            made.append(_flat(values.data, column, own, rows, validity))
    names = [column.ours.name for column in program.columns]
    frame = pl.DataFrame(pa.RecordBatch.from_arrays(made, names)) if made else pl.DataFrame()
    return Values(frame, faults)


def _lists(
    data: Bytes, column: ReadColumn, places: Int64s, counts: Int64s, validity: Bytes | None
) -> "pa.Array[Any]":
    """Read the items, now that it is known how many there are."""
    rows = len(counts)
    offsets = np.zeros(rows + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    items = int(offsets[-1])
    found = np.empty(items * (2 if column.op >= kernels.BYTES else 1), np.int64)
    kernels.read_items(data, places, counts, column.op, found)
    child = _flat(data, column, found, items, None)
    buffers = [_buffer(validity), buffer_of(offsets)]
    kind = pa.large_list(child.type)
    return pa.Array.from_buffers(kind, rows, buffers, children=[child])


def _flat(
    data: Bytes, column: ReadColumn, words: Int64s, rows: int, validity: Bytes | None
) -> "pa.Array[Any]":
    kind = column.ours.kind
    if column.op >= kernels.BYTES:
        buffers = [buffer_of(words[: 2 * rows]), buffer_of(data)]
    elif kind == "boolean":
        buffers = [buffer_of(np.packbits(words[:rows].astype(bool), bitorder="little"))]
    else:
        numbers = _numbers(column.op, words[:rows]).astype(_NUMPY[kind], copy=False)
        buffers = [buffer_of(numbers)]
    return pa.Array.from_buffers(_ARROW[kind], rows, [_buffer(validity), *buffers])


def _numbers(op: int, words: Int64s) -> NDArray[Any]:
    if op == kernels.BITS32:
        return words.astype(np.uint32).view(np.float32)
    return words.view(np.float64) if op == kernels.BITS64 else words


def _bits_unless_all(present: Bytes) -> Bytes | None:
    return None if present.all() else np.packbits(present, bitorder="little")


def _buffer(array: Bytes | None) -> pa.Buffer | None:
    return None if array is None else buffer_of(array)
