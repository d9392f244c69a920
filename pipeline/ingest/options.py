"""How the file agents work."""

from dataclasses import dataclass, field
from pathlib import Path

from pipeline.codecs.protection import Protection
from pipeline.codecs.record_limit import DEFAULT_LIMIT as DEFAULT_RECORD_LIMIT
from pipeline.ingest.bad_limit import DEFAULT_SHARE
from pipeline.ingest.spool import DEFAULT_LIMIT as DEFAULT_SPOOL_LIMIT


@dataclass(frozen=True, slots=True)
class FileAgentOptions:
    """Options of a run over files.

    ``root_account_id`` is written into web_logs rows; global ids of ``home_shard`` become local;
    ``late_ok`` publishes files whose rows all lie behind the watermark; more bad records than
    ``max_bad_share`` stop the run; ``record_limit`` bounds the texts of one record in bytes;
    ``batch_rows`` are published in one transaction. ``protection`` is applied to all of them.
    """

    root_account_id: int | None = None
    home_shard: int | None = None
    late_ok: bool = False
    max_bad_share: float = DEFAULT_SHARE
    record_limit: int = DEFAULT_RECORD_LIMIT
    spool_directory: Path | None = None
    spool_limit: int = DEFAULT_SPOOL_LIMIT
    batch_rows: int = 20_000
    protection: Protection = field(default_factory=Protection)
