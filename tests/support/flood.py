"""Drives a sessionize task with very many rows, and looks at what it holds."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl
import psutil

from pipeline.domain.event_time import HOUR, EventTimeRules
from pipeline.domain.feeds import Feed
from pipeline.domain.topics import SESSIONS
from pipeline.engine.sessionize_task import SessionizeTask
from pipeline.engine.stage import Block
from tests.support.column_chunk import ColumnChunk, ids_of
from tests.support.memory_kafka import SCHEMAS, MemoryKafka
from tests.support.task_rows import IDS, T, mark

RULES = EventTimeRules()
CHUNK = 20_000


class Commit(NamedTuple):
    """What the task held after a commit, and what the commit wrote."""

    open_sessions: int
    written: int
    largest_record: int
    """Bytes of the longest session record."""
    bytes: int
    metadata: str
    """What is stored with the offsets."""
    memory: int
    """Resident bytes of the process."""


class Flood:
    """One task; marks of both feeds follow the rows' times an hour behind."""

    def __init__(self, rules: EventTimeRules = RULES) -> None:
        self.rules = rules
        self.task = SessionizeTask(0, rules, SCHEMAS)
        self._marks = MemoryKafka()
        self._offset = 0
        self.written = 0
        """Records of all topics so far; session records have offsets below it."""

    def chunk(self, numbers: np.ndarray, times: np.ndarray, sessions: pl.Series) -> None:
        """Add rows: event keys follow from their numbers."""
        dashed = ids_of(numbers).str.replace(r"(.{8})(.{4})(.{4})(.{4})(.{12})", "$1-$2-$3-$4-$5")
        columns = {"id": dashed, "timestamp": times, "session_id": sessions}
        rows = ColumnChunk(self._offset, columns)
        self._offset = rows.next_offset
        self.task.add(rows)

    def commit(self, watermark: int) -> Commit:
        """Move event time there and commit."""
        feeds: tuple[Feed, ...] = ("web_logs", "live_events")
        for feed in feeds:
            block = mark(feed, watermark)
            first = self._marks.publish(block)
            self.task.add(self._marks.chunk(block.topic, 0, first, first + 1))
        flush = self.task.flush()
        assert flush is not None
        firsts = []
        written = largest = size = 0
        for block in flush.blocks:
            firsts.append(self.written)
            if isinstance(block, Block):
                self.written += len(block.values)
                written += len(block.values)
                size += block.values.nbytes
                if block.topic == SESSIONS.name:
                    largest = max(len(value.as_py()) for value in block.values[:100])
        self.task.delivered(firsts)
        held = self.task.open_sessions
        memory = psutil.Process().memory_info().rss
        return Commit(held, written, largest, size, flush.metadata, memory)

    def close(self) -> Commit:
        """End event time and commit until nothing is left; return the last commit."""
        largest = self.task.watermarks.largest
        assert largest is not None
        last = self.commit(self.rules.closing(largest))
        while json.loads(last.metadata)["more"]:
            last = self.commit(self.rules.closing(largest))
        return last


def distinct_sessions(flood: Flood, rows: int, hours: float) -> Iterator[Commit]:
    """Flood the task with rows that have a session each, evenly over so many hours."""
    for first in range(0, rows, CHUNK):
        numbers = np.arange(first, min(first + CHUNK, rows))
        times = T + (numbers * (hours * HOUR / rows)).astype(np.int64)
        flood.chunk(numbers, times, ids_of(numbers + (1 << 40)))
        yield flood.commit(int(times[-1]) - HOUR)


def one_session(flood: Flood, rows: int, hours: float) -> Iterator[Commit]:
    """Flood one session with rows, evenly over so many hours."""
    for first in range(0, rows, CHUNK):
        numbers = np.arange(first, min(first + CHUNK, rows))
        times = T + (numbers * (hours * HOUR / rows)).astype(np.int64)
        flood.chunk(numbers, times, pl.repeat(IDS[0], len(numbers), eager=True))
        yield flood.commit(int(times[-1]) - HOUR)
