"""The agent for files of Live Events."""

from collections.abc import Iterator
from functools import partial
from typing import Final

import polars as pl

from pipeline.codecs.dead_letters import CutRecord
from pipeline.codecs.live_event_rows import RawEvent, read_live_events
from pipeline.domain import topics
from pipeline.domain.feeds import LIVE_EVENTS
from pipeline.ingest.content import Content
from pipeline.ingest.file_agent import ingest_files_of
from pipeline.ingest.file_feed import FileFeed, Portion
from pipeline.ingest.formats import check_live_event_file
from pipeline.ingest.live_event_values import live_event_values
from pipeline.ingest.options import FileAgentOptions

AGENT: Final = "live_events_files"
_TIME: Final = "event_time"
_VALUES: Final = 2_000
"""JSON values that are read together, if they are not large."""
_BYTES: Final = 8 << 20


def _read(content: Content, judged_at: int, options: FileAgentOptions) -> Iterator[Portion]:
    check_live_event_file(content.path)
    values = live_event_values(content)
    while taken := _take(values):
        raws = [value for value in taken if isinstance(value, RawEvent)]
        rows, bad = read_live_events(raws, judged_at, options.record_limit)
        read = rows.height + len(bad)
        too_long = [value for value in taken if isinstance(value, CutRecord)]
        yield Portion(rows, _NONE, bad + list(enumerate(too_long, start=read)))


def _take(values: Iterator[RawEvent | CutRecord]) -> list[RawEvent | CutRecord]:
    taken: list[RawEvent | CutRecord] = []
    size = 0
    for value in values:
        taken.append(value)
        size += len(value.payload)
        if len(taken) == _VALUES or size >= _BYTES:
            break
    return taken


def _complete(
    rows: pl.DataFrame, source: str, options: FileAgentOptions, ingested_at: int
) -> pl.DataFrame:
    del options
    return rows.sort(_TIME, maintain_order=True).with_columns(
        pl.lit(ingested_at, dtype=pl.Int64).alias("ingested_at"), pl.lit(source).alias("source")
    )


_NONE: Final = pl.DataFrame()
_FEED: Final = FileFeed(
    agent=AGENT,
    feed=LIVE_EVENTS,
    topic=topics.LIVE_EVENTS,
    source_prefix="live-events-files",
    time=_TIME,
    read=_read,
    complete=_complete,
)

ingest_live_events_files: Final = partial(ingest_files_of, _FEED)
"""Publish files of Live Events, as ``ingest_files_of`` says."""
