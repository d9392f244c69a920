"""The agent for web_logs exports."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import polars as pl

from pipeline.codecs.erasures import request_erasures
from pipeline.codecs.open_values import OpenValues
from pipeline.codecs.web_log_rows import Origin, with_agent_columns
from pipeline.domain import topics
from pipeline.domain.feeds import WEB_LOGS
from pipeline.ingest.content import Content
from pipeline.ingest.file_agent import ingest_files_of
from pipeline.ingest.file_feed import FileFeed, Portion
from pipeline.ingest.formats import JSONL, web_log_format
from pipeline.ingest.jsonl import web_logs_of_jsonl
from pipeline.ingest.options import FileAgentOptions

AGENT: Final = "web_logs_files"


def _read(
    content: Content,
    judged_at: int,
    options: FileAgentOptions,
    values: OpenValues | None = None,
) -> Iterator[Portion]:
    origin = Origin(content.name, judged_at, options.home_shard, options.record_limit)
    known = web_log_format(content.path)
    if known is JSONL:
        found = web_logs_of_jsonl(content, origin, values)
    else:
        found = known.read(content, origin)
    for logs in found:
        erasures = request_erasures(logs.deletes, source=content.name, ingested_at=judged_at)
        yield Portion(logs.rows, erasures, logs.bad)


def _complete(
    rows: pl.DataFrame, source: str, options: FileAgentOptions, ingested_at: int
) -> pl.DataFrame:
    return with_agent_columns(rows, source, options.root_account_id, ingested_at)


WEB_LOG_FILES: Final = FileFeed(
    agent=AGENT,
    feed=WEB_LOGS,
    topic=topics.WEB_LOGS,
    source_prefix="web-logs-files",
    time="timestamp",
    read=_read,
    read_open=_read,
    complete=_complete,
    late=("root_account_id", "ingested_at", "source"),
)

ingest_web_logs_files: Final = partial(ingest_files_of, WEB_LOG_FILES)
"""Publish web_logs exports, as ``ingest_files_of`` says."""
