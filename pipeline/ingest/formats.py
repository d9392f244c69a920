"""Formats of files: one reader each; a new one is one file and one line here."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from pipeline.codecs.web_log_rows import Origin, WebLogs
from pipeline.domain.errors import OurMistake
from pipeline.ingest.content import Content
from pipeline.ingest.csv_files import web_logs_of_csv, web_logs_of_tsv
from pipeline.ingest.jsonl import web_logs_of_jsonl
from pipeline.ingest.parquet_files import web_logs_of_parquet

PACKED: Final = ".gz"


class WebLogFormat(NamedTuple):
    """A format of web_logs exports and how its files are read."""

    name: str
    suffixes: tuple[str, ...]
    read: Callable[[Content, Origin], Iterator[WebLogs]]


JSONL: Final = WebLogFormat("JSONL", (".jsonl", ".ndjson", ".json"), web_logs_of_jsonl)
CSV: Final = WebLogFormat("CSV", (".csv",), web_logs_of_csv)
TSV: Final = WebLogFormat("TSV", (".tsv",), web_logs_of_tsv)
PARQUET: Final = WebLogFormat("Parquet", (".parquet",), web_logs_of_parquet)
WEB_LOG_FORMATS: Final = (JSONL, CSV, TSV, PARQUET)
WEB_LOG_READERS: Final = {known.name.lower(): known.read for known in WEB_LOG_FORMATS}
"""How a format is read, by the name that DAP has for it."""

_TABLES: Final = frozenset(
    s for known in WEB_LOG_FORMATS if known is not JSONL for s in known.suffixes
)


def suffix_of(path: Path) -> str:
    """Return the last suffix, ``.gz`` left aside, in lower case."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def web_log_format(path: Path) -> WebLogFormat:
    """Return the format of a file by its name; a name that says nothing means JSON lines."""
    suffix = suffix_of(path)
    return next((known for known in WEB_LOG_FORMATS if suffix in known.suffixes), JSONL)


def check_live_event_file(path: Path) -> None:
    """Raise OurMistake for a file whose name says that it is no JSON."""
    suffix = suffix_of(path)
    if suffix in _TABLES:
        raise OurMistake(
            f"{path.name} is {suffix[1:].upper()}; Live Events come as {JSONL.name}, gzip or not"
        )
