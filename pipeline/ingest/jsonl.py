"""Files of JSON lines: how each feed's are read."""

from collections.abc import Iterator
from typing import Final

from pipeline.codecs.open_values import OpenValues
from pipeline.codecs.web_log_rows import (
    Origin,
    WebLogs,
    read_web_log_text,
    read_web_log_values,
)
from pipeline.domain.bad_record import BadRecord
from pipeline.ingest.content import Content

_BLOCK_BYTES: Final = 8 << 20
"""Some seventy queries of columns are made for a block, however few rows it has: about 12,000."""


def web_logs_of_jsonl(
    content: Content, origin: Origin, values: OpenValues | None = None
) -> Iterator[WebLogs]:
    """Give the rows of a DAP export in JSONL, block by block, in the order of the file.

    With ``values`` rows are open values.
    """
    for block in content.lines(_BLOCK_BYTES):
        if values is None:
            logs = read_web_log_text(block.lines, block.first, origin)
        else:
            logs = read_web_log_values(block.lines, block.first, origin, values)
        if block.too_long:
            # They end before the block's lines begin.
            shift = len(block.too_long)
            bad: list[tuple[int, BadRecord]] = list(enumerate(block.too_long))
            bad += [(position + shift, record) for position, record in logs.bad]
            logs = logs._replace(bad=bad, read=logs.read + shift)
        yield logs
