"""Rows per second of ``RequestDeltas`` and deltas per second of ``DetectTask``, each alone.

    PYTHONPATH=. python bench/aggregate.py [rows]

One core, no Kafka. Eight partitions of a made-up day: a delta for about every four rows, six of a
hundred rows are errors, a quarter comes with a developer key. The detect task gets the deltas as
framed records in chunks of 20,000 and flushes after every ten, as a worker that is behind does.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import sys
import time
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from pipeline.aggregate.deltas import RequestDeltas
from pipeline.app import stage_tasks, wiring
from pipeline.app.settings import Settings
from pipeline.codecs.chunk import RecordChunk
from pipeline.codecs.marks import StageMark, mark_headers
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.domain.feeds import WEB_LOGS
from pipeline.domain.topics import REQUEST_DELTAS
from pipeline.engine.blocks import BlockMaker

PARTITIONS: Final = 8
CHUNK: Final = 20_000
CHUNKS_PER_TAKE: Final = 2
CHUNKS_PER_FLUSH: Final = 10
START: Final = 1_700_000_000_000_000 // HOUR * HOUR
ROUTES: Final = 120
ROWS_PER_MINUTE: Final = 270
"""Of one partition: 130,000 rows an hour over all eight."""


class Stored(NamedTuple):
    """A record as a consumer hands it out."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def batch(random: np.random.Generator, first: int, rows: int) -> pl.DataFrame:
    """Return an event batch as far as it is counted; rows ``first`` and on of a partition."""
    route = np.minimum(random.zipf(1.3, rows), ROUTES) - 1
    failed = random.random(rows) < 0.06
    numbers = random.integers(0, 1 << 62, rows)
    return pl.DataFrame(
        {
            "time": START
            + (np.arange(first, first + rows) * MINUTE) // ROWS_PER_MINUTE
            + random.integers(0, 5 * MINUTE, rows),
            "status": np.where(failed, 404, 200).astype(np.int32),
            "duration": random.integers(1000, 3_000_000, rows),
            "write": random.random(rows) < 0.1,
            "participated": random.random(rows) < 0.02,
            "masqueraded": random.random(rows) < 0.002,
            "actor": random.integers(1, 20, rows),
            "user": random.integers(1, 16_000, rows),
            "developer_key": pl.Series(route % 5).set(pl.Series(random.random(rows) > 0.23), None),
            "controller": pl.Series([f"controller_{i // 4}" for i in range(ROUTES)]).gather(route),
            "action": pl.Series([f"action_{i % 4}" for i in range(ROUTES)]).gather(route),
            "ip": pl.Series(["192.0.2.1"]).new_from_index(0, rows),
            "host": pl.Series([None], dtype=pl.String).new_from_index(0, rows),
            "failed_login": random.random(rows) < 0.0003,
            "as_admin": np.zeros(rows, bool),
            "program": random.random(rows) < 0.02,
            "course": random.integers(1, 500, rows),
            "user_agent": pl.Series(["python-requests/2.32.3"]).new_from_index(0, rows),
            "path": pl.Series(["/courses/1/files/7/download"]).new_from_index(0, rows),
            "request_id": pl.Series(numbers).cast(pl.String) + "-0000-4000-8000",
            "session_id": pl.Series(numbers // 1000).cast(pl.String) + "0" * 16,
        }
    )


def deltas(rows: int) -> list[pl.DataFrame]:
    """Print what a row costs; return the deltas, takes of the partitions in turn."""
    random, adding, taking, taken = np.random.default_rng(1), 0.0, 0.0, []
    tasks = [RequestDeltas() for _ in range(PARTITIONS)]
    for first in range(0, rows // PARTITIONS, CHUNK * CHUNKS_PER_TAKE):
        for partition, task in enumerate(tasks):
            for chunk in range(CHUNKS_PER_TAKE):
                given = batch(random, first + chunk * CHUNK, CHUNK)
                began = time.process_time()
                task.add(WEB_LOGS, given)
                adding += time.process_time() - began
            began = time.process_time()
            taken.append(task.take(partition, first))
            taking += time.process_time() - began
    counted = len(taken) * CHUNK * CHUNKS_PER_TAKE
    found = sum(frame.height for frame in taken)
    print(
        f"deltas: {counted:,} rows, {found:,} deltas: {counted / (adding + taking):,.0f} rows/s, "
        f"add {adding / counted * 1e9:,.0f} and take {taking / counted * 1e9:,.0f} ns/row"
    )
    return taken


def detect(taken: list[pl.DataFrame]) -> None:
    """Print what a delta costs in the detect task, decoding and encoding included."""
    settings = Settings(feeds=(WEB_LOGS,))
    known = wiring.schemas(settings)
    maker, records = BlockMaker(known), list[Stored]()
    for frame in taken:
        block = maker.block(REQUEST_DELTAS, 0, frame)
        values = block.values.to_pylist()
        records += [Stored(len(records) + i, 0, b"", value) for i, value in enumerate(values)]
        at = int(frame["minute"].max())
        source = int(frame["partition"][0])
        mark = StageMark(source, {WEB_LOGS: at}, (), at - 2 * HOUR)
        records.append(Stored(len(records), 0, None, None, mark_headers(mark)))
    task = stage_tasks.detect_task(settings, known, PARTITIONS)
    adding = flushing = 0.0
    for number, first in enumerate(range(0, len(records), CHUNK), start=1):
        last = min(first + CHUNK, len(records))
        chunk = RecordChunk(REQUEST_DELTAS.name, 0, first, last, records[first:last])
        began = time.process_time()
        task.add(chunk)
        adding += time.process_time() - began
        if number % CHUNKS_PER_FLUSH == 0 or last == len(records):
            began = time.process_time()
            flush = task.flush()
            flushing += time.process_time() - began
            task.delivered([0] * len(flush.blocks) if flush else [])
    print(
        f"detect: {task.deltas:,} deltas: {task.deltas / (adding + flushing):,.0f} deltas/s, "
        f"add {adding / task.deltas * 1e6:.2f} and flush {flushing / task.deltas * 1e6:.2f} "
        "microseconds/delta"
    )


if __name__ == "__main__":
    several = int((sys.argv[1:] or ["960000"])[0])
    print(f"{Path(__file__).name}: the first round compiles and warms up")
    for _ in range(3):
        detect(deltas(several))
