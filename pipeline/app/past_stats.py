"""Final statistics of the past, day by day: from ClickHouse, or from files through the engine."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, NamedTuple, Protocol, Self

import polars as pl

from pipeline.app.commands.replay import NoCursors, ReplayPublisher
from pipeline.app.ingesting import AGENTS, agent_options
from pipeline.app.settings import Settings
from pipeline.app.spooled_stats import SpooledStats
from pipeline.codecs.chunk import RecordChunk
from pipeline.codecs.schemas import Schemas
from pipeline.detect.detection import Detection
from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import HOUR
from pipeline.domain.feeds import FEEDS, Feed
from pipeline.domain.topics import REQUEST_STATS
from pipeline.engine.replay import Replay
from pipeline.sink.alert_reading import AlertReader

IDENTITY: Final = ("minute", "feed", "dimension", "key")

DAY: Final = 24 * HOUR


class Extent(NamedTuple):
    """The final minutes there are, [start, end) in microseconds."""

    start: int
    end: int


class Day(NamedTuple):
    """Final statistics, sorted by minute, up to ``through``."""

    stats: pl.DataFrame
    through: int


class PastStats(Protocol):
    """Where final statistics of the past are."""

    def extent(self) -> Extent:
        """Return which final minutes there are; raises OurMistake if there are none."""
        ...

    def days(self, start: int, end: int, dimensions: Sequence[str]) -> Iterator[Day]:
        """Walk the statistics of minutes in [start, end) of some dimensions."""
        ...


class StoredStats:
    """Those that the detect stage published, from ClickHouse."""

    def __init__(self, reader: AlertReader) -> None:
        self._reader = reader

    def extent(self) -> Extent:
        """Return the first and last final minute."""
        found = self._reader.final_minutes()
        if found is None:
            raise OurMistake("ClickHouse has no final statistics yet: nothing to judge.")
        return Extent(*found)

    def days(self, start: int, end: int, dimensions: Sequence[str]) -> Iterator[Day]:
        """Walk what is stored, a query a day."""
        for first, last in _cut(start, end):
            yield Day(self._reader.final_stats(first, last, dimensions).sort(IDENTITY), last)


class FileStats(AbstractContextManager["FileStats"]):
    """Those that files give in the engine of ``replay``; kept on disk meanwhile."""

    def __init__(self, settings: Settings, schemas: Schemas) -> None:
        self._settings = settings
        self._schemas = schemas
        self._directory = tempfile.TemporaryDirectory(dir=settings.spool_dir)
        self._spool = SpooledStats(Path(self._directory.name))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._directory.cleanup()

    async def read(
        self, files: Mapping[Feed, Sequence[str]], progressed: Callable[[int], None]
    ) -> None:
        """Run files through the engine; ``progressed`` is told the rows of a feed."""
        feeds = tuple(feed for feed in FEEDS if files.get(feed))
        run = Replay(
            self._settings.model_copy(update={"feeds": feeds}).event_time(),
            self._schemas,
            Detection([]),
            self._take,
            published_ms=time.time_ns() // 1_000_000,
            max_keys=self._settings.max_keys_per_minute or None,
        )
        for feed in feeds:
            await AGENTS[feed](
                files[feed],
                publisher=ReplayPublisher(run),
                cursors=NoCursors(),
                schemas=self._schemas,
                options=agent_options(self._settings, late_ok=True),
                report=lambda at: progressed(at.rows),
            )
        run.close()

    def extent(self) -> Extent:
        """Return the first and last minute of the files."""
        if self._spool.first is None or self._spool.end is None:
            raise OurMistake("The files have no rows that count: nothing to judge.")
        return Extent(self._spool.first, self._spool.end)

    def days(self, start: int, end: int, dimensions: Sequence[str]) -> Iterator[Day]:
        """Walk what the files gave."""
        for first, last in _cut(start, end):
            frames = self._spool.between(first, last)
            if frames:
                ours = pl.col("dimension").is_in(list(dimensions))
                yield Day(pl.concat(frames).filter(ours).sort(IDENTITY), last)

    def _take(self, chunk: RecordChunk) -> None:
        if chunk.topic != REQUEST_STATS.name:
            return
        columns = [field["name"] for field in self._schemas.named(REQUEST_STATS.schema)["fields"]]
        frame = chunk.decode(self._schemas, REQUEST_STATS.schema, columns).frame.select(columns)
        self._spool.add(frame.filter(pl.col("status") == "final"))


def _cut(start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        yield start, min(start + DAY, end)
        start += DAY
