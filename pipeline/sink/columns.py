"""From decoded frames to what ClickHouse takes, driven by the Avro schema alone.

Texts go to UUID columns as they are (the server parses them), times must be Arrow timestamps:
a bare integer would be read as seconds.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl
import pyarrow as pa

from pipeline.sink.tables.table import Table

_PRIMITIVES: Final[dict[str, type[pl.DataType]]] = {
    "long": pl.Int64,
    "int": pl.Int32,
    "string": pl.String,
    "boolean": pl.Boolean,
    "double": pl.Float64,
    "bytes": pl.Binary,
}
_TIME: Final = pl.Datetime("us", "UTC")
_UUID: Final = (
    r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
    r"|^[0-9a-fA-F]{32}$"
)

PARTITION: Final = "_partition"
OFFSET: Final = "_offset"
TIMESTAMP_MS: Final = "_timestamp_ms"


def _avro_type(field: Mapping[str, Any]) -> Any:
    kind = field["type"]
    return next(part for part in kind if part != "null") if isinstance(kind, list) else kind


def _logical(kind: Any) -> str | None:
    return kind.get("logicalType") if isinstance(kind, dict) else None


def _polars_type(kind: Any) -> pl.DataType | type[pl.DataType]:
    if isinstance(kind, str):
        return _PRIMITIVES[kind]
    if kind["type"] == "array":
        return pl.List(_polars_type(kind["items"]))
    return _polars_type(kind["type"])


class Columns:
    """The columns of one table, read off its schema once."""

    def __init__(self, table: Table, schema: Mapping[str, Any]) -> None:
        kinds = {field["name"]: _avro_type(field) for field in schema["fields"]}
        self.names: tuple[str, ...] = tuple(kinds)
        self._types = {name: _polars_type(kind) for name, kind in kinds.items()}
        self._times = [n for n, kind in kinds.items() if _logical(kind) == "timestamp-micros"]
        self._uuids = [n for n, kind in kinds.items() if _logical(kind) == "uuid"]
        self._positions = table.positions

    @property
    def stored(self) -> tuple[str, ...]:
        """Names of all columns that are inserted."""
        return (*self.names, PARTITION, OFFSET) if self._positions else self.names

    def split(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Separate rows that ClickHouse can take from those with an identity that is no UUID.

        One such row would fail the whole insert. Costs 0.1 µs a row.
        """
        if not self._uuids or frame.is_empty():
            return frame, frame.clear()
        good = pl.all_horizontal(pl.col(name).str.contains(_UUID) for name in self._uuids)
        bad = frame.filter(~good)
        return (frame if bad.is_empty() else frame.filter(good)), bad

    def placed(self, frame: pl.DataFrame, partition: int) -> pl.DataFrame:
        """Return the stored columns of a decoded frame of one partition."""
        columns = frame.lazy().with_columns(pl.lit(partition, pl.Int32).alias(PARTITION))
        return columns.select(self.stored).collect()

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
        """Return a frame of rows given one by one, times in microseconds."""
        return pl.DataFrame(rows, schema=self._types, orient="row")

    def arrow(self, frames: Sequence[pl.DataFrame]) -> pa.Table:
        """Join frames into one Arrow table in the types ClickHouse expects."""
        joined = pl.concat(frames, rechunk=True).with_columns(pl.col(self._times).cast(_TIME))
        return joined.to_arrow(compat_level=pl.CompatLevel.oldest())
