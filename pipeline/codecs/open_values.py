"""Values encoded but for the fields that only publishing knows: encoded once, read back as bytes.

A value is the bytes before those fields, their own and the bytes behind them. Columns of a record
cost five times as much to put on a disk and to read back, and would be encoded then.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl
import pyarrow as pa

from pipeline.codecs.column_encoder import ColumnEncoder
from pipeline.codecs.encodable import Column
from pipeline.codecs.keys import binary_values, joined

KEY: Final = "_key"
HEAD: Final = "_head"
LATE: Final = "_late"
TAIL: Final = "_tail"
_PARTS: Final = (HEAD, LATE, TAIL)


class OpenValues:
    """Encodes records of a schema without its ``late`` fields, which follow each other in it."""

    def __init__(self, schema: Mapping[str, Any], schema_id: int, late: Sequence[str]) -> None:
        fields = schema["fields"]
        start = [field["name"] for field in fields].index(late[0])
        parts = (fields[:start], fields[start : start + len(late)], fields[start + len(late) :])
        if [field["name"] for field in parts[1]] != list(late):
            raise ValueError(f"{schema['name']} has no fields {', '.join(late)} in a row")
        self._head, self._late, self._tail = (
            ColumnEncoder({**schema, "fields": part}, framed)
            for part, framed in zip(parts, (schema_id, None, None), strict=True)
        )

    def opened(self, columns: pl.DataFrame | Mapping[str, Column], keys: pl.Series) -> pl.DataFrame:
        """Return ``KEY``, ``HEAD`` and ``TAIL`` of records."""
        return pl.DataFrame(
            {
                KEY: keys.cast(pl.Binary),
                HEAD: pl.Series(self._head.encode(columns)),
                TAIL: pl.Series(self._tail.encode(columns)),
            }
        )

    def of_rows(self, rows: pl.DataFrame, key: pl.Expr, time: str) -> pl.DataFrame:
        """Return the same of rows whose key is an expression, beside their column ``time``."""
        return self.opened(rows, rows.select(key).to_series()).with_columns(rows[time])

    def with_late(self, frame: pl.DataFrame, late: pl.DataFrame) -> pl.DataFrame:
        """Add the late fields, the same for all: from a frame of one row with their columns."""
        value = self._late.encode(late)[0].as_py()
        return frame.with_columns(pl.lit(value, pl.Binary).alias(LATE))


def is_open(frame: pl.DataFrame) -> bool:
    """Tell whether a frame has values in parts instead of columns."""
    return HEAD in frame.columns


def closed(frame: pl.DataFrame) -> tuple[pa.BinaryArray, pa.BinaryArray]:
    """Return keys and whole values."""
    parts: Any = [frame[name].to_arrow(compat_level=pl.CompatLevel.oldest()) for name in _PARTS]
    return binary_values(frame[KEY]), joined(parts)
