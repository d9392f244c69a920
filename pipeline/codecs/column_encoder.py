"""Columns → framed Avro values, byte for byte what fastavro writes, no Python per row."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.codecs import encode_kernels as kernels
from pipeline.codecs.arrow_bytes import from_offsets
from pipeline.codecs.encodable import (
    Column,
    Encodable,
    NullItem,
    NullValue,
    encodable,
    encodable_plain,
)
from pipeline.codecs.flat_schema import FlatField, NotFlat, flat_fields
from pipeline.codecs.wire import prefix
from pipeline.domain.errors import OurMistake

_BLOCK: Final = 2048
"""Rows written at once, column by column: they stay in a core's cache until they are whole."""


class ColumnEncoder:
    """Encodes frames of one schema.

    A frame has a column for every field, of the field's type or one that casts to it without
    loss (times: Int64 microseconds or Datetime); other columns are passed over. Columns that are
    not those of a frame (``encodable.Column``) have the field's own type: nothing is cast.
    """

    def __init__(self, schema: Mapping[str, Any], schema_id: int) -> None:
        self._name = schema["name"]
        self._prefix = np.frombuffer(prefix(schema_id), np.uint8)
        try:
            self._fields = flat_fields(schema)
        except NotFlat as reason:
            raise OurMistake(f"schema {self._name} cannot be encoded: {reason}") from None

    def encode(self, frame: pl.DataFrame | Mapping[str, Column]) -> pa.BinaryArray:
        """Return one framed value per row; raise OurMistake if the frame does not fit."""
        given: Mapping[str, Column] = (
            {column.name: column for column in frame.get_columns()}
            if isinstance(frame, pl.DataFrame)
            else frame
        )
        height = rows_of(given)
        fields = [self._encodable(given, field) for field in self._fields]
        longest = np.full(height, len(self._prefix), np.int64)
        for field in fields:
            longest += field.longest()
        # Pages that are never written to are never handed out by the system.
        values = np.empty(int(longest.sum()), np.uint8)
        offsets = np.zeros(height + 1, np.int32)
        end = 0
        for first in range(0, height, _BLOCK):
            rows = slice(first, min(first + _BLOCK, height))
            ends = np.cumsum(longest[rows])
            starts = ends - longest[rows]
            cursors, scratch = starts.copy(), np.empty(ends[-1], np.uint8)
            kernels.put_constant(self._prefix, scratch, cursors)
            for field in fields:
                field.put(rows, scratch, cursors)
            places = offsets[rows.start + 1 : rows.stop + 1]
            end = kernels.gather(scratch, starts, cursors, values, end, places)
        if end >= 1 << 31:
            raise ValueError("more than 2 GiB cannot be one binary array")
        return from_offsets(offsets, values[:end])

    def _encodable(self, given: Mapping[str, Column], field: FlatField) -> Encodable:
        column = given.get(field.name)
        if column is None:
            raise OurMistake(f"a frame of {self._name} has no column {field.name!r}")
        try:
            if isinstance(column, pl.Series):
                return encodable(field, self._fitting(column, field))
            found = encodable_plain(field, column)
        except NullItem:
            raise OurMistake(f"a list in column {field.name!r} holds a null") from None
        except NullValue:
            raise OurMistake(self._null(field)) from None
        if found is None:
            raise OurMistake(self._misfit(field, type(column).__name__))
        return found

    def _fitting(self, column: pl.Series, field: FlatField) -> pl.Series:
        if column.dtype != field.dtype:
            if isinstance(column.dtype, pl.Datetime):
                column = column.dt.cast_time_unit("us")
            try:
                column = column.cast(field.dtype)
            except pl.exceptions.PolarsError:
                raise OurMistake(self._misfit(field, column.dtype)) from None
        if column.null_count() and not field.nullable:
            raise OurMistake(self._null(field))
        return column

    def _null(self, field: FlatField) -> str:
        return f"a frame of {self._name} has nulls in column {field.name!r}"

    def _misfit(self, field: FlatField, kind: object) -> str:
        return (
            f"a frame of {self._name} has {kind} in column {field.name!r},"
            f" where the schema has {field.kind}"
        )


def rows_of(columns: Mapping[str, Column]) -> int:
    """Return how many rows columns have."""
    for column in columns.values():
        return len(column[0] if isinstance(column, tuple) else column)
    return 0
