"""Framed values → columns of our schema; a bad value costs only itself."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import polars as pl

from pipeline.codecs.container import Unblockable
from pipeline.codecs.flat_schema import FlatField
from pipeline.codecs.one_record import RecordReader
from pipeline.codecs.resolution import Resolution
from pipeline.codecs.salvage import Salvage, Salvaged, read_singly
from pipeline.codecs.schemas import Schemas
from pipeline.codecs.unreadable import NotFramed, Unreadable
from pipeline.codecs.wire import schema_id_of
from pipeline.domain.errors import OurMistake


class Columns(NamedTuple):
    """What was read of a sequence of values.

    ``rows`` are the places, in that sequence, of the frame's rows; None means all of them.
    ``bad`` are the places of the others, each with the reason.
    """

    frame: pl.DataFrame
    rows: list[int] | None
    bad: list[tuple[int, Unreadable]]


class ColumnDecoder:
    """Reads the same columns of values of any writers as our version of a schema.

    The columns have our types (times Int64 microseconds), in the order asked for. A field that a
    writer does not know has our default. Raises OurMistake if a column is not ours.
    """

    def __init__(self, schemas: Schemas, schema: str, columns: Sequence[str]) -> None:
        ours = schemas.fields(schema)
        unknown = [name for name in columns if name not in ours]
        if unknown:
            raise OurMistake(f"schema {schema!r} has no field {unknown[0]!r}")
        self._schemas = schemas
        self._schema = schema
        self._wanted = {name: ours[name] for name in columns}
        self._dtypes = {name: field.dtype for name, field in self._wanted.items()}

    def decode(self, values: Sequence[bytes]) -> Columns:
        """Read values; what the registry's lookup raises passes through."""
        if not values:
            return Columns(pl.DataFrame(schema=self._dtypes), None, [])
        first = schema_id_of(values[0])
        if first is not None:
            # Nearly always one writer and nothing broken: then no value is looked at alone.
            try:
                resolution = self._schemas.resolution(first, self._schema)
                return Columns(self._block(resolution, values), None, [])
            except (Unblockable, Unreadable):
                pass
        return self._sort_out(values)

    def _sort_out(self, values: Sequence[bytes]) -> Columns:
        """Read each writer's values apart, and those that break a block alone."""
        found = [(list[int](), pl.DataFrame(schema=self._dtypes))]
        bad: list[tuple[int, Unreadable]] = []
        for schema_id, places in _by_schema_id(values).items():
            try:
                salvaged = self._salvage(schema_id, values, places)
            except Unreadable as reason:
                bad.extend((place, reason) for place in places)
            else:
                found.extend(salvaged.found)
                bad.extend(salvaged.bad)
        rows = [place for places, _ in found for place in places]
        frame = pl.DataFrame(schema=self._dtypes)
        if self._wanted:
            order = pl.Series(rows, dtype=pl.UInt32).arg_sort()
            frame = pl.concat([part for _, part in found])[order]
        return Columns(frame, sorted(rows), sorted(bad, key=lambda one: one[0]))

    def _salvage(
        self, schema_id: int | None, values: Sequence[bytes], places: list[int]
    ) -> Salvaged:
        if schema_id is None:
            raise NotFramed
        resolution = self._schemas.resolution(schema_id, self._schema)
        if resolution.container is None:
            reader = RecordReader(resolution.writer, self._ours())
            return read_singly(values, places, reader, self._dtypes)
        judge = partial(self._block, resolution)
        return Salvage(values, RecordReader(resolution.writer), judge).read(places)

    def _ours(self) -> dict[str, Any]:
        """Return our schema without the fields that nobody asked for."""
        ours = self._schemas.named(self._schema)
        fields = [field for field in ours["fields"] if field["name"] in self._wanted]
        return {**ours, "fields": fields}

    def _block(self, resolution: Resolution, values: Sequence[bytes]) -> pl.DataFrame:
        if resolution.container is None or resolution.fields is None:
            raise Unblockable
        written = resolution.fields
        frame = resolution.container.read(
            values, [name for name in self._wanted if name in written]
        )
        columns = []
        for name, field in self._wanted.items():
            if name not in written:
                columns.append(_constant(field, len(values)))
                continue
            column = frame[name]
            if written[name].nullable and not field.nullable and column.null_count():
                raise Unblockable
            columns.append(column if column.dtype == field.dtype else column.cast(field.dtype))
        return pl.DataFrame(columns)


def _by_schema_id(values: Sequence[bytes]) -> dict[int | None, list[int]]:
    places: dict[int | None, list[int]] = {}
    for place, value in enumerate(values):
        places.setdefault(schema_id_of(value), []).append(place)
    return places


def _constant(field: FlatField, rows: int) -> pl.Series:
    """Return the column of a field that the writer does not know: its default."""
    default = field.default
    if field.kind == "bytes" and isinstance(default, str):
        default = default.encode("latin-1")
    return pl.Series(field.name, [default], dtype=field.dtype).new_from_index(0, rows)
