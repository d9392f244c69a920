"""The agent for files of Live Events."""

from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

import polars as pl

from pipeline.codecs.dead_letters import CutRecord
from pipeline.codecs.live_event_rows import RawEvent, read_live_events
from pipeline.codecs.schemas import Schemas
from pipeline.domain import topics
from pipeline.domain.feeds import LIVE_EVENTS
from pipeline.ingest.clock import Clock, wall_clock
from pipeline.ingest.content import Content
from pipeline.ingest.file_agent import ingest_files_of
from pipeline.ingest.file_feed import FileFeed, Portion
from pipeline.ingest.formats import check_live_event_file
from pipeline.ingest.live_event_values import live_event_values
from pipeline.ingest.options import FileAgentOptions
from pipeline.ingest.publisher import CursorSource, Publisher
from pipeline.ingest.totals import IngestTotals, ReportProgress, say_nothing

AGENT: Final = "live_events_files"
_TIME: Final = "event_time"
_VALUES: Final = 2_000
"""JSON values that are read together, if they are not large."""
_BYTES: Final = 8 << 20


async def ingest_live_events_files(
    paths: Sequence[str],
    *,
    publisher: Publisher,
    cursors: CursorSource,
    schemas: Schemas,
    options: FileAgentOptions | None = None,
    report: ReportProgress = say_nothing,
    clock: Clock = wall_clock,
    stdin: BinaryIO | None = None,
) -> IngestTotals:
    """Publish files of Live Events, each content once; return the counts.

    Raises OurMistake (missing, damaged or refused files, full disk), TooManyBadRecords, and what
    the publisher raises. After an error of the publisher the same call, with a publisher started
    anew, goes on where the last committed transaction ended.
    """
    return await ingest_files_of(
        _FEED,
        paths,
        publisher=publisher,
        cursors=cursors,
        schemas=schemas,
        options=options or FileAgentOptions(),
        report=report,
        clock=clock,
        stdin=stdin,
    )


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
