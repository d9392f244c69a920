"""Chunks from plain rows: what a decoded fetch of one partition looks like, without its bytes."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import polars as pl

from pipeline.codecs.chunk import Decoded, Record
from pipeline.codecs.marks import Mark
from pipeline.codecs.schemas import Schemas
from pipeline.domain.bad_record import BadRecord


class FrameChunk:
    """``rows`` by offset; an offset in ``broken`` is a bad record, one in ``marks`` a mark."""

    def __init__(
        self,
        topic: str,
        partition: int,
        rows: Mapping[int, Mapping[str, Any]],
        *,
        span: tuple[int, int],
        broken: Sequence[int] = (),
        marks: Sequence[int] = (),
        timestamp_ms: int = 1_700_000_000_000,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.fetch_offset, self.next_offset = span
        self._rows = rows
        self._broken = broken
        self._marks = marks
        self._timestamp_ms = timestamp_ms

    @property
    def size(self) -> int:
        return sum(len(self.record(at).value or b"") for at in [*self._rows, *self._broken])

    def __len__(self) -> int:
        return len(self._rows) + len(self._broken) + len(self._marks)

    def since(self, offset: int) -> Self:
        return type(self)(
            self.topic,
            self.partition,
            {at: row for at, row in self._rows.items() if at >= offset},
            span=(max(offset, self.fetch_offset), self.next_offset),
            broken=[at for at in self._broken if at >= offset],
            marks=[at for at in self._marks if at >= offset],
            timestamp_ms=self._timestamp_ms,
        )

    def decode(self, schemas: Schemas, schema: str, columns: Sequence[str]) -> Decoded:
        types = {field["name"]: _type(field["type"]) for field in schemas.named(schema)["fields"]}
        frame = pl.DataFrame(
            [dict(row) for row in self._rows.values()],
            schema={name: types[name] for name in columns},
            orient="row",
        ).with_columns(
            pl.Series("_offset", list(self._rows), pl.Int64),
            pl.lit(self._timestamp_ms, pl.Int64).alias("_timestamp_ms"),
        )
        bad = [(at, self._bad(at)) for at in self._broken]
        return Decoded(frame, bad, [(at, Mark("web_logs", at)) for at in self._marks])

    def record(self, offset: int) -> Record:
        return Record(offset, self._timestamp_ms, b"key", b"value %d" % offset, ())

    def _bad(self, offset: int) -> BadRecord:
        location = f"{self.topic}/{self.partition}/{offset}"
        return BadRecord(location, "schema", "no magic byte", "NotFramed", b"value %d" % offset)


def _type(kind: Any) -> Any:
    if isinstance(kind, list):
        return _type(next(part for part in kind if part != "null"))
    if isinstance(kind, dict):
        return pl.List(_type(kind["items"])) if kind["type"] == "array" else _type(kind["type"])
    return {
        "long": pl.Int64,
        "int": pl.Int32,
        "string": pl.String,
        "boolean": pl.Boolean,
        "double": pl.Float64,
        "bytes": pl.Binary,
    }[kind]
