"""Columns → framed Avro values, byte for byte what fastavro writes, no Python per row."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.codecs.encodable import (
    Column,
    NullItem,
    NullValue,
    encodable,
    encodable_plain,
)
from pipeline.codecs.flat_schema import FlatField, NotFlat, flat_fields
from pipeline.codecs.row_program import Line, written
from pipeline.codecs.wire import prefix
from pipeline.domain.errors import OurMistake


class ColumnEncoder:
    """Encodes frames of one schema.

    A frame has a column for every field, of the field's type or one that casts to it without
    loss (times: Int64 microseconds or Datetime); other columns are passed over. Columns that are
    not those of a frame (``encodable.Column``) have the field's own type: nothing is cast.
    Values are not framed where ``schema_id`` is None.
    """

    def __init__(self, schema: Mapping[str, Any], schema_id: int | None) -> None:
        self._name = schema["name"]
        self._prefix = np.frombuffer(b"" if schema_id is None else prefix(schema_id), np.uint8)
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
        lines = [self._line(given, field) for field in self._fields]
        return written(lines, height, self._prefix)

    def _line(self, given: Mapping[str, Column], field: FlatField) -> Line:
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
