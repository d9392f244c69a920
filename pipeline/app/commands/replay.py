"""``replay``: files through the same engine, results as JSONL."""

import asyncio
import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self, TextIO

import polars as pl
from rich.console import Console

from pipeline.app import wiring
from pipeline.app.ingesting import AGENTS, agent_options
from pipeline.app.progress import counting
from pipeline.app.settings import Settings, load_settings
from pipeline.codecs.chunk import RecordChunk
from pipeline.codecs.schemas import Schemas
from pipeline.detect.detection import Detection
from pipeline.domain.errors import OurMistake
from pipeline.domain.feeds import FEEDS, Feed
from pipeline.domain.topics import (
    ANOMALIES,
    DEAD_LETTERS,
    LATE,
    REQUEST_STATS,
    SESSIONS,
    Topic,
)
from pipeline.engine.replay import Replay
from pipeline.engine.stage import Block, MarkBlock
from pipeline.ingest.totals import ReportProgress

FILES: Final[dict[str, tuple[Topic, str]]] = {
    SESSIONS.name: (SESSIONS, "sessions.jsonl"),
    REQUEST_STATS.name: (REQUEST_STATS, "request_stats.jsonl"),
    ANOMALIES.name: (ANOMALIES, "anomalies.jsonl"),
    LATE.name: (LATE, "late.jsonl"),
    DEAD_LETTERS.name: (DEAD_LETTERS, "dead_letters.jsonl"),
}


def replay(given: Mapping[Feed, Sequence[str]], out: Path) -> None:
    """Replay files and print where every row went."""
    if not any(given.values()):
        raise OurMistake("replay needs --web-logs, --live-events or --course-audit")
    settings = load_settings()
    asyncio.run(_replay(settings, given, out))


async def _replay(settings: Settings, given: Mapping[Feed, Sequence[str]], out: Path) -> None:
    known = wiring.schemas(settings)
    feeds = tuple(feed for feed in FEEDS if given.get(feed))
    with Results(out, known) as results:
        run = Replay(
            settings.model_copy(update={"feeds": feeds}).event_time(),
            known,
            Detection(wiring.rules(settings)),
            results.take,
            published_ms=time.time_ns() // 1_000_000,
            max_keys=settings.max_keys_per_minute or None,
        )
        for feed in feeds:
            with counting(f"replaying {feed}", "rows") as progress:
                await AGENTS[feed](
                    given[feed],
                    publisher=ReplayPublisher(run),
                    cursors=NoCursors(),
                    schemas=known,
                    options=agent_options(settings, late_ok=True),
                    report=_rows(progress),
                )
        run.close()
    console = Console(highlight=False)
    for feed, tally in run.tallies.items():
        console.print(
            f"{feed}: {tally.consumed:,} rows = {tally.in_sessions:,} in sessions + "
            f"{tally.without_session:,} without session + {tally.late:,} late + "
            f"{tally.duplicates:,} duplicates + {tally.dead:,} dead"
        )
    for name, count in results.counts.items():
        console.print(f"{out / name}: {count:,}")


def _rows(progress: Callable[[int], None]) -> ReportProgress:
    return lambda at: progress(at.rows)


class ReplayPublisher:
    """Publishes into the replay instead of Kafka."""

    def __init__(self, run: Replay) -> None:
        self._run = run

    def partitions(self, topic: str) -> int:
        """Return one: results do not depend on how many there are."""
        del topic
        return 1

    async def publish(self, blocks: Sequence[Block | MarkBlock]) -> list[int]:
        """Run the blocks through the engine at once."""
        return self._run.publish(blocks)


class NoCursors:
    """A replay always begins at the beginning."""

    async def read(self, topic: str) -> Mapping[bytes, bytes]:
        """Return nothing."""
        del topic
        return {}


class Results:
    """Writes final sessions and statistics, late rows and dead letters as they come.

    Anomalies change until the end: the last record of each episode is written then. Times are
    ISO 8601, bytes base64.
    """

    def __init__(self, out: Path, schemas: Schemas) -> None:
        self.counts = {name: 0 for _, name in FILES.values()}
        self._out = out
        self._schemas = schemas
        self._files: dict[str, TextIO] = {}
        self._anomalies: dict[tuple[str, str], dict[str, Any]] = {}

    def __enter__(self) -> Self:
        self._out.mkdir(parents=True, exist_ok=True)
        self._files = {name: (self._out / name).open("w") for name in self.counts}
        return self

    def __exit__(self, *_: object) -> None:
        for row in self._anomalies.values():
            self._write("anomalies.jsonl", row)
        for file in self._files.values():
            file.close()

    def take(self, chunk: RecordChunk) -> None:
        """Take records of an output topic; topics without a file are passed over."""
        if chunk.topic not in FILES:
            return
        topic, name = FILES[chunk.topic]
        fields = self._schemas.named(topic.schema)["fields"]
        columns = [field["name"] for field in fields]
        frame = chunk.decode(self._schemas, topic.schema, columns).frame.select(columns)
        if topic in (SESSIONS, REQUEST_STATS):
            frame = frame.filter(pl.col("status") == "final")
        for row in frame.with_columns(*readable(fields)).iter_rows(named=True):
            if topic is ANOMALIES:
                self._anomalies[row["fingerprint"], row["episode"]] = row
            else:
                self._write(name, row)

    def _write(self, name: str, row: dict[str, Any]) -> None:
        self.counts[name] += 1
        json.dump(row, self._files[name], default=_text, separators=(",", ":"))
        self._files[name].write("\n")


def readable(fields: Sequence[Mapping[str, Any]]) -> list[pl.Expr]:
    """Return expressions that turn the record's times into ISO 8601 text."""
    return [
        pl.from_epoch(pl.col(field["name"]), time_unit="us").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ")
        for field in fields
        if "timestamp-micros" in json.dumps(field["type"])
    ]


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
