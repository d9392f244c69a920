"""How the DAP agent works."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pipeline.codecs.record_limit import DEFAULT_LIMIT as DEFAULT_RECORD_LIMIT
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.ingest.bad_limit import DEFAULT_SHARE
from pipeline.ingest.spool import DEFAULT_LIMIT as DEFAULT_SPOOL_LIMIT

Format = Literal["jsonl", "csv", "tsv", "parquet"]

NAMESPACE: Final = "canvas_logs"
TABLE: Final = "web_logs"

EVERY: Final = 4 * HOUR
"""DAP refreshes its data every four hours; asking more often gains nothing."""


@dataclass(frozen=True, slots=True)
class DapOptions:
    """Options of the DAP agent; times in microseconds if not said otherwise.

    ``since`` is where the first window begins, None for a snapshot of the whole table; it is
    ignored as soon as there is a cursor. ``skip_lost`` goes on behind days that DAP no longer has.
    ``every`` after the end of a window its successor is asked for, ``again`` after one that was
    empty. ``downloads`` objects are on disk at once, besides the spool. ``root_account_id`` is
    written into rows; global ids of ``home_shard`` become local; more bad records than
    ``max_bad_share`` stop the agent; ``record_limit`` bounds the texts of one record in bytes;
    ``batch_rows`` are published in one transaction. ``poll_s`` passes between two questions for
    the state of a job, ``retry_s`` before the first repetition of what failed; with a job that
    expires within ``close_s`` nothing is begun.
    """

    since: datetime | None = None
    once: bool = False
    skip_lost: bool = False
    format: Format = "jsonl"
    every: int = EVERY + 10 * MINUTE
    again: int = 15 * MINUTE
    downloads: int = 4
    root_account_id: int | None = None
    home_shard: int | None = None
    max_bad_share: float = DEFAULT_SHARE
    record_limit: int = DEFAULT_RECORD_LIMIT
    spool_directory: Path | None = None
    spool_limit: int = DEFAULT_SPOOL_LIMIT
    batch_rows: int = 20_000
    poll_s: float = 5.0
    retry_s: float = 5.0
    close_s: float = 30.0
