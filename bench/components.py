"""Where the time of a row goes: each step of the hot path alone, in CPU nanoseconds a row.

Real records of the topic, fetched in the chunks that the worker gets; each step takes what the
step before it gave, so a column of figures adds up to the line without its transport.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import polars as pl

from bench.feeds import WEB_LOGS_DIR
from pipeline.aggregate.deltas import RequestDeltas
from pipeline.app import stage_tasks, wiring
from pipeline.app.settings import Settings
from pipeline.codecs.chunk import Chunk
from pipeline.codecs.event_batch import event_batch, event_columns
from pipeline.codecs.marks import Mark
from pipeline.codecs.open_values import OpenValues, closed
from pipeline.codecs.partitioner import partition_of
from pipeline.codecs.record_batch import record_batch_bodies
from pipeline.codecs.schemas import Schemas
from pipeline.codecs.text_lines import TextLines
from pipeline.codecs.web_log_rows import Origin, read_web_log_values
from pipeline.detect import count_tail
from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.feeds import WEB_LOGS
from pipeline.domain.topics import REQUEST_DELTAS, SESSIONS, Topic
from pipeline.domain.topics import WEB_LOGS as WEB_LOGS_TOPIC
from pipeline.engine import event_rows
from pipeline.engine.blocks import BlockMaker
from pipeline.engine.duplicates import DuplicateFilter
from pipeline.engine.stage import Block
from pipeline.engine.watermarks import Watermarks
from pipeline.ingest.content import Content
from pipeline.ingest.options import FileAgentOptions
from pipeline.ingest.row_form import RowForm
from pipeline.ingest.spool import Spool, SpoolDirectory
from pipeline.ingest.web_log_files import WEB_LOG_FILES
from pipeline.kafka.clients import reader
from pipeline.kafka.ranges import read_range
from pipeline.kafka.ready_batch import record_batch
from pipeline.sessionize.sessions import Sessions

CHUNK_ROWS: Final = 20_000
ROWS_PER_FLUSH: Final = 40_000
"""What the worker commits at once for a partition while it catches up with eight of them."""

DETECT_ROWS_PER_FLUSH: Final = 200_000
"""The same for detect, which has one partition."""

BATCH_BYTES: Final = 900_000
NOBODY: Final = (1, 0, 0)


class Steps:
    """CPU-seconds by step."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Add what the block costs."""
        began = time.process_time()
        yield
        self.seconds[name] += time.process_time() - began

    def per_row(self, rows: int) -> dict[str, float]:
        """Return nanoseconds per row, in the order of the flow."""
        return {name: s / max(rows, 1) * 1e9 for name, s in self.seconds.items()}


class Line(NamedTuple):
    """Steps of one line, and how many rows (or deltas) went through them.

    ``worker_ns`` is what a row cost in the real worker process, transport and all.
    """

    title: str
    unit: str
    rows: int
    ns_per_row: dict[str, float]
    worker_ns: float | None = None


def ingest_steps(settings: Settings, files: Path, most_rows: int) -> Line:
    """Return the steps from JSONL files to record batches."""
    steps, known, rows = Steps(), wiring.schemas(settings), 0
    form = RowForm(WEB_LOG_FILES, known, FileAgentOptions())
    schema = WEB_LOGS_TOPIC.schema
    values = OpenValues(known.named(schema), known.id_of(schema), WEB_LOG_FILES.late)
    now = time.time_ns() // 1000
    with SpoolDirectory(settings.spool_dir) as directory:
        spool = directory.open_spool("timestamp")
        for text in _texts(steps, files / WEB_LOGS_DIR):
            with steps.step("parse, validate, redact, encode"):
                read = read_web_log_values(text, 1, Origin("bench", now), values)
            with steps.step("spool"):
                spool.add_rows(read.rows)
            rows += read.read
            if rows >= most_rows:
                break
        with steps.step("spool"):
            spool.flush()
        for frame in _spooled(steps, spool):
            with steps.step("complete, partition"):
                keys, whole = closed(form.complete(frame, "bench", now))
                partition_of(keys, settings.partitions)
            _batch_steps(steps, Block(WEB_LOGS_TOPIC.name, 0, keys, whole))
    return Line("ingest", "row", rows, steps.per_row(rows))


def sessionize_steps(settings: Settings, most_rows: int) -> Line:
    """Return the steps from the topic to the record batches of sessions and deltas."""
    steps, known, rows = Steps(), wiring.schemas(settings), 0
    fetched = asyncio.run(_chunks(settings, WEB_LOGS_TOPIC, most_rows, steps))
    for chunks in fetched.values():
        rows += sum(map(len, chunks))
        line, added = _SessionizeLine(steps, known, settings.event_time()), 0
        for number, chunk in enumerate(chunks, start=1):
            line.add(chunk)
            added += len(chunk)
            if added >= ROWS_PER_FLUSH or number == len(chunks):
                line.flush(number)
                added = 0
    return Line("sessionize", "row", rows, steps.per_row(rows))


def detect_steps(settings: Settings, most_rows: int) -> Line:
    """Return what adding deltas up and judging them costs, per delta."""
    steps, known = Steps(), wiring.schemas(settings)
    chunks = asyncio.run(_chunks(settings, REQUEST_DELTAS, most_rows, steps)).get(0, [])
    rows = sum(map(len, chunks))
    count_tail.load()
    task, added = stage_tasks.detect_task(settings, known, settings.partitions), 0
    for number, chunk in enumerate(chunks, start=1):
        with steps.step("decode, add up"):
            task.add(chunk)
        added += len(chunk)
        if added < DETECT_ROWS_PER_FLUSH and number < len(chunks):
            continue
        added = 0
        with steps.step("restate, judge, encode"):
            flush = task.flush()
        if flush is not None:
            task.delivered([0] * len(flush.blocks))
            for block in flush.blocks:
                if isinstance(block, Block):
                    _batch_steps(steps, block)
    return Line("detect", "delta", rows, steps.per_row(rows))


class _SessionizeLine:
    """The sessionize task's steps one by one; what it leaves out is its bookkeeping."""

    def __init__(self, steps: Steps, known: Schemas, rules: EventTimeRules) -> None:
        self._steps, self._known = steps, known
        self._duplicates, self._deltas = DuplicateFilter(), RequestDeltas()
        self._sessions, self._watermarks = Sessions(rules), Watermarks(rules)
        self._blocks = BlockMaker(known)
        self._end = 0

    def add(self, chunk: Chunk) -> None:
        step = self._steps.step
        with step("Avro decode, 16 of 29 columns"):
            decoded = chunk.decode(self._known, WEB_LOGS_TOPIC.schema, event_columns(WEB_LOGS))
        if decoded.height:
            with step("event batch"):
                found = None if decoded.rows is None else event_rows.requests_of(decoded.rows)
                batch = event_batch(WEB_LOGS, decoded.frame) if found is None else found
            with step("duplicate filter"):
                keys = (event_rows.plain(batch, name) for name in ("key_hi", "key_lo", "time"))
                new = self._duplicates.admit(*keys)
                batch = batch if new.all() else event_rows.some(batch, new)
            with step("deltas: add"):
                self._deltas.add(WEB_LOGS, batch)
            with step("sessions: add"):
                self._sessions.add(WEB_LOGS, batch)
        for _, mark in decoded.marks:
            if isinstance(mark, Mark):
                self._watermarks.mark(mark.feed, mark.at)

    def flush(self, version: int) -> None:
        step, watermark = self._steps.step, self._watermarks.task
        with step("sessions: advance, take"):
            if watermark is not None:
                self._sessions.advance(self._watermarks.feeds, watermark)
            sessions = self._sessions.take_records(version) if self._sessions.pending() else None
        with step("deltas: take"):
            deltas = self._deltas.take_records(0, version) if self._deltas.pending() else None
        for topic, records in ((SESSIONS, sessions), (REQUEST_DELTAS, deltas)):
            if records is not None and records.rows:
                with step("Avro encode"):
                    block = self._blocks.records(topic, 0, records)
                _batch_steps(self._steps, block)
        if sessions is not None:
            self._sessions.delivered(self._end)
            self._end += sessions.rows


def _batch_steps(steps: Steps, block: Block) -> None:
    with steps.step("record batches"):
        bodies = list(record_batch_bodies(block.keys, block.values, limit_bytes=BATCH_BYTES))
    with steps.step("lz4, CRC"):
        for count, body in bodies:
            record_batch(count, body, timestamp_ms=0, producer=NOBODY)


def _texts(steps: Steps, directory: Path) -> Iterator[TextLines]:
    """Give the files' lines, block by block, as the agent reads them."""
    for file in sorted(directory.glob("*.jsonl")):
        blocks = Content(file, file.name).lines()
        while True:
            with steps.step("file, SHA-256, lines"):
                block = next(blocks, None)
            if block is None:
                break
            yield block.lines


def _spooled(steps: Steps, spool: Spool) -> Iterator[pl.DataFrame]:
    """Give the rows back, hour by hour."""
    for part in spool.parts():
        frames = spool.read(part, 0, CHUNK_ROWS)
        while True:
            with steps.step("spool"):
                frame = next(frames, None)
            if frame is None:
                break
            yield frame


async def _chunks(
    settings: Settings, topic: Topic, most: int, steps: Steps
) -> dict[int, list[Chunk]]:
    """Read the topic's first partitions as the worker gets them; the client's cost is a step."""
    connection, rows = settings.kafka(), 0
    chunks: dict[int, list[Chunk]] = {}
    async with reader(connection) as consumer:
        for partition in range(settings.partitions if topic.partitioned else 1):
            async with aclosing(read_range(consumer, connection, topic.name, partition)) as found:
                while rows < most:
                    with steps.step("fetch, CRC, lz4, find records"):
                        chunk = await anext(found, None)
                    if chunk is None:
                        break
                    chunks.setdefault(partition, []).append(chunk)
                    rows += len(chunk)
    return chunks
