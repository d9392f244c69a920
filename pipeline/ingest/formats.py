"""Formats of files: one reader each; a new one is one file and one line here."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pipeline.codecs.web_log_rows import Origin, WebLogs
from pipeline.domain.errors import OurMistake
from pipeline.ingest.content import Content
from pipeline.ingest.jsonl import web_logs_of_jsonl

PACKED: Final = ".gz"


class WebLogFormat(NamedTuple):
    """A format of web_logs exports and how its files are read."""

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Content, Origin], Iterator[WebLogs]]


JSONL: Final = WebLogFormat("JSONL", (".jsonl", ".ndjson", ".json"), web_logs_of_jsonl)
WEB_LOG_FORMATS: Final = (JSONL,)
NOT_YET: Final = (".csv", ".tsv", ".parquet")
"""Formats in which DAP exports too."""


def suffix_of(path: Path) -> str:
    """Return the last suffix, ``.gz`` left aside, in lower case."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def web_log_format(path: Path) -> WebLogFormat:
    """Return the format of a file by its name; a name that says nothing means JSON lines.

    Raises OurMistake for formats that nobody reads yet.
    """
    suffix = suffix_of(path)
    if suffix in NOT_YET:
        supported = ", ".join(known.name for known in WEB_LOG_FORMATS)
        raise OurMistake(
            f"{path.name} is {suffix[1:].upper()}, which cannot be read yet; supported: "
            f"{supported}, gzip or not. Choose it as the export's format"
        )
    return next((known for known in WEB_LOG_FORMATS if suffix in known.suffixes), JSONL)
