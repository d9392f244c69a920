"""Exports as Parquet."""

from collections.abc import Iterator
from typing import Final

import polars as pl
import pyarrow as pa
from pyarrow import parquet

from pipeline.codecs.web_log_rows import Origin, WebLogs
from pipeline.codecs.web_log_tables import ID, read_table
from pipeline.domain.errors import OurMistake
from pipeline.ingest.content import Content

_ROWS: Final = 32_768
_MAGIC: Final = b"PAR1"


def web_logs_of_parquet(content: Content, origin: Origin) -> Iterator[WebLogs]:
    """Give the rows of a DAP export in Parquet, some at a time, in the order of the file.

    A packed file is unpacked to the spool's disk first: its table of contents is at its end.
    """
    with content.room.scratch() as copy:
        packed = _is_packed(content)
        for block in content.blocks():
            if packed:
                copy.write(block)
        try:
            file = parquet.ParquetFile(copy.file if packed else content.path)
            names = {name.partition(".")[0] for name in file.schema_arrow.names}
            if not names & {ID, "key"} and ID not in file.schema_arrow.names:
                raise OurMistake(f"{content.name} is no DAP export: there is no column {ID}")
            number = 1
            for batch in file.iter_batches(_ROWS, use_threads=False):
                rows = pl.DataFrame(pa.Table.from_batches([batch]))
                yield read_table(rows, number, origin)
                number += rows.height
        except pa.ArrowInvalid:
            raise OurMistake(
                f"{content.name} is damaged, or no Parquet: download it again"
            ) from None


def _is_packed(content: Content) -> bool:
    with content.path.open("rb") as file:
        return file.read(len(_MAGIC)) != _MAGIC
