"""Chunks from columns: what a fetch of very many rows looks like decoded, without its bytes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.codecs.chunk import Decoded, Record
from pipeline.codecs.flat_schema import dtypes
from pipeline.codecs.schemas import Schemas
from pipeline.domain.topics import WEB_LOGS
from tests.support.memory_kafka import SCHEMAS
from tests.support.task_rows import web_log

PUBLISHED_MS = 1_800_000_000_000


class ColumnChunk:
    """Rows of web_logs at successive offsets; what ``columns`` does not name is the same in all."""

    topic = WEB_LOGS.name

    def __init__(self, first_offset: int, columns: dict[str, Any], partition: int = 0) -> None:
        self.partition = partition
        self.fetch_offset = first_offset
        named = pl.DataFrame(columns)
        self.next_offset = first_offset + named.height
        kinds = dtypes(SCHEMAS.named(WEB_LOGS.schema))
        usual = web_log(0, 0)
        self._frame = named.with_columns(
            *(
                pl.lit(usual.get(name), kind).alias(name)
                for name, kind in kinds.items()
                if name not in columns
            ),
            pl.int_range(first_offset, self.next_offset).alias("_offset"),
            pl.lit(PUBLISHED_MS, pl.Int64).alias("_timestamp_ms"),
        )

    @property
    def size(self) -> int:
        return int(self._frame.estimated_size())

    def __len__(self) -> int:
        return self._frame.height

    def since(self, offset: int) -> "ColumnChunk":
        rest = self._frame.filter(pl.col("_offset") >= offset).drop("_offset", "_timestamp_ms")
        start = max(offset, self.fetch_offset)
        return ColumnChunk(start, dict(rest.to_dict()), self.partition)

    def decode(self, schemas: Schemas, schema: str, columns: Sequence[str]) -> Decoded:
        assert schemas.named(schema)["name"] == SCHEMAS.named(WEB_LOGS.schema)["name"]
        return Decoded(self._frame.select(*columns, "_offset", "_timestamp_ms"), [], [])

    def record(self, offset: int) -> Record:
        if not self.fetch_offset <= offset < self.next_offset:
            raise KeyError(offset)
        return Record(offset, PUBLISHED_MS, None, b"\0\0\0\0\1row %d" % offset, ())


def ids_of(numbers: np.ndarray[Any, Any]) -> pl.Series:
    """Return 32 hex digits for each number, spread over all 128 bits."""
    high = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    low = (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)
    digits = np.stack([high, low], axis=1).astype(">u8")
    buffers = [None, pa.py_buffer(digits.tobytes())]
    found = pl.from_arrow(pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(digits), buffers))
    assert isinstance(found, pl.Series)
    return found.bin.encode("hex")
