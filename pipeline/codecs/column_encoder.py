"""Columns → framed Avro values, byte for byte what fastavro writes, no Python per row."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.codecs.arrow_bytes import bytes_of, from_offsets, lengths_of, offsets_of
from pipeline.codecs.flat_schema import FlatField, NotFlat, flat_fields
from pipeline.codecs.keys import binary_values
from pipeline.codecs.one_record import RecordWriter
from pipeline.codecs.row_bytes import Bools, RowBytes
from pipeline.codecs.wire import prefix
from pipeline.domain.errors import OurMistake

FEW: Final = 64
"""Rows up to which fastavro is faster: columns cost 3 ms however few the rows."""


class ColumnEncoder:
    """Encodes frames of one schema.

    A frame has a column for every field, of the field's type or one that casts to it without
    loss (times: Int64 microseconds or Datetime); other columns are passed over. A frame of at
    most ``few`` rows is written row by row by fastavro: the bytes are the same.

    Measured with 29 fields in 400 bytes: 1.3 µs a row; fastavro 32 µs.
    """

    def __init__(self, schema: Mapping[str, Any], schema_id: int, *, few: int = FEW) -> None:
        self._name = schema["name"]
        self._prefix = prefix(schema_id)
        self._few = few
        self._writer = RecordWriter(schema, schema_id)
        try:
            self._fields = flat_fields(schema)
        except NotFlat as reason:
            raise OurMistake(f"schema {self._name} cannot be encoded: {reason}") from None

    def encode(self, frame: pl.DataFrame) -> pa.BinaryArray:
        """Return one framed value per row; raise OurMistake if the frame does not fit."""
        columns = [self._column(frame, field) for field in self._fields]
        if frame.height <= self._few:
            records = pl.DataFrame(columns).iter_rows(named=True)
            return pa.array([self._writer.write(record) for record in records], pa.binary())
        rows = RowBytes(frame.height)
        rows.constant(self._prefix)
        for field, (column, present) in zip(self._fields, _split_nulls(columns), strict=True):
            if field.null_branch is not None:
                _encode_branch(rows, field.null_branch, present)
            _encode(rows, field, column, present)
        return rows.join()

    def _column(self, frame: pl.DataFrame, field: FlatField) -> pl.Series:
        if field.name not in frame.columns:
            raise OurMistake(f"a frame of {self._name} has no column {field.name!r}")
        column = frame[field.name]
        if isinstance(column.dtype, pl.Datetime):
            column = column.dt.cast_time_unit("us")
        if column.dtype != field.dtype:
            try:
                column = column.cast(field.dtype)
            except pl.exceptions.PolarsError:
                raise OurMistake(self._misfit(field, column)) from None
        if column.null_count() and not field.nullable:
            raise OurMistake(f"a frame of {self._name} has nulls in column {field.name!r}")
        return column

    def _misfit(self, field: FlatField, column: pl.Series) -> str:
        return (
            f"a frame of {self._name} has {column.dtype} in column {field.name!r},"
            f" where the schema has {field.kind}"
        )


def _split_nulls(columns: list[pl.Series]) -> Iterator[tuple[pl.Series, Bools | None]]:
    """Yield each column without its nulls, and where it had none (None: everywhere).

    One query for all of them: a query of its own for each costs more than encoding a small frame.
    """
    frame = pl.DataFrame([column.alias(str(at)) for at, column in enumerate(columns)])
    holey = [name for name in frame.columns if frame[name].null_count()]
    filled = frame.select(
        *(pl.col(name).fill_null(_nothing(frame[name].dtype)) for name in holey),
        *(pl.col(name).is_not_null().alias(f"{name}?") for name in holey),
    )
    for name in frame.columns:
        if name in filled.columns:
            yield filled[name], filled[f"{name}?"].to_numpy()
        else:
            yield frame[name], None


def _nothing(dtype: pl.DataType) -> pl.Expr:
    """Return what stands in place of null; it is not written."""
    if dtype == pl.Binary:
        return pl.lit(b"")
    if isinstance(dtype, pl.List):
        return pl.lit([], dtype)
    return pl.lit("" if dtype == pl.String else 0).cast(dtype)


def _encode_branch(rows: RowBytes, null_branch: int, present: Bools | None) -> None:
    value, null = 2 * (1 - null_branch), 2 * null_branch
    if present is None:
        rows.constant(bytes([value]))
    else:
        rows.fixed(np.where(present, value, null).astype(np.uint8).reshape(-1, 1))


def _encode(rows: RowBytes, field: FlatField, column: pl.Series, present: Bools | None) -> None:
    if field.array:
        _encode_lists(rows, field, column, present)
    elif field.kind in {"string", "bytes"}:
        texts = binary_values(column)
        rows.varint(lengths_of(texts), present)
        rows.binary(texts)
    elif field.kind in {"int", "long"}:
        rows.varint(column.to_numpy().astype(np.int64, copy=False), present)
    elif field.kind == "boolean":
        rows.fixed(column.to_numpy().view(np.uint8).reshape(-1, 1), present)
    else:
        order = "<f4" if field.kind == "float" else "<f8"
        numbers = np.ascontiguousarray(column.to_numpy().astype(order, copy=False))
        rows.fixed(numbers.view(np.uint8).reshape(len(column), -1), present)


def _encode_lists(
    rows: RowBytes, field: FlatField, column: pl.Series, present: Bools | None
) -> None:
    """Add arrays: one block with its count and items if there are any, then an empty one.

    The items of all rows are encoded as one long column; a row's items are a slice of it.
    """
    counts = column.list.len().to_numpy().astype(np.int64)
    items = column.list.explode(empty_as_null=False, keep_nulls=False)
    if items.null_count():
        raise OurMistake(f"a list in column {field.name!r} holds a null")
    encoded = RowBytes(len(items))
    _encode(encoded, field._replace(array=False), items, None)
    values = encoded.join()
    ends = offsets_of(values)[np.concatenate(([0], np.cumsum(counts)))]
    rows.varint(counts, present)
    rows.binary(from_offsets(ends, bytes_of(values)))
    rows.constant(b"\0", counts > 0)
