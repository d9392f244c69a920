"""From the words that compiled loops leave to Arrow columns: texts are views, none is copied."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.codecs import value_kernels as kernels
from pipeline.codecs.arrow_bytes import Bytes, Int64s, buffer_of
from pipeline.codecs.flat_schema import Kind
from pipeline.codecs.spans import Spans
from pipeline.codecs.text_views import ALL, Numbers, TextViews
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


class Values:
    """Columns of one writer's values, as the words that the kernel left.

    There is a row for every sound value; ``faults`` says what each value was. Texts point into
    the data of the values. What is asked for as arrays is not copied and becomes no column of
    Arrow or polars: making one and looking into it again costs some 20 microseconds.
    """

    __slots__ = ("_count", "_data", "_places", "_present", "_program", "_words", "faults", "height")

    def __init__(self, values: Spans, program: Program) -> None:
        count = values.size
        self._words = np.empty(max(program.units, 1) * count, np.int64)
        self._present = np.empty((max(len(program.columns), 1), count), np.uint8)
        self.faults = np.empty(count, np.uint8)
        self.height: int = kernels.read_values(
            *values, program.steps, self._words, self._present, self.faults
        )
        self._data, self._count, self._program = values.data, count, program
        self._places = {column.ours.name: at for at, column in enumerate(program.columns)}

    @property
    def width(self) -> int:
        """How many columns were read."""
        return len(self._places)

    def texts(self, name: str) -> TextViews:
        """Return a column of texts where they lie; the views of nulls are empty."""
        place, column = self._column(name)
        at = column.unit * self._count
        return TextViews(self._words[at : at + 2 * self.height], self._data, self._flags(place))

    def numbers(self, name: str) -> Numbers:
        """Return a column of whole numbers or booleans; nulls are 0."""
        place, column = self._column(name)
        at = column.unit * self._count
        return Numbers(self._words[at : at + self.height], self._flags(place))

    def frame(self) -> pl.DataFrame:
        """Return all columns as a frame."""
        made = []
        for place, column in enumerate(self._program.columns):
            present = self._flags(place)
            validity = np.packbits(present, bitorder="little") if present.size else None
            own = self._words[column.unit * self._count :]
            if column.written.array:
                counts = own[self._count : self._count + self.height]
                made.append(_lists(self._data, column, own[: self.height], counts, validity))
            else:
                made.append(_flat(self._data, column, own, self.height, validity))
        return (
            pl.DataFrame(pa.RecordBatch.from_arrays(made, list(self._places)))
            if made
            else (pl.DataFrame())
        )

    def _column(self, name: str) -> tuple[int, ReadColumn]:
        place = self._places[name]
        return place, self._program.columns[place]

    def _flags(self, place: int) -> NDArray[np.bool_]:
        """Return which values are not null; none if all are there."""
        column = self._program.columns[place]
        if not (column.written.nullable and column.ours.nullable):
            return ALL
        present = self._present[place, : self.height].view(np.bool_)
        return ALL if present.all() else present


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


def _buffer(array: Bytes | None) -> pa.Buffer | None:
    return None if array is None else buffer_of(array)
