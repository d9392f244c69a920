"""Seconds that a restore of a million open sessions takes, and what the state weighs.

    python bench/restore.py [open sessions] [times the history]

The pure part: published records of every partition are encoded, and each task in turn decodes
them and restores, as a worker does that gets all eight partitions; fetching is left out. Records
of the history before are other identities that became final: they lie where the restore reads.
The duplicate filter's rebuild from the input's key column is stated apart.
"""

import os

os.environ.setdefault("POLARS_MAX_THREADS", "1")

import gc
import json
import sys
import time
import uuid
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import polars as pl
import psutil

from bench.sessionize import START, World
from pipeline.codecs.avro import ColumnEncoder
from pipeline.codecs.chunk import RecordChunk
from pipeline.codecs.schemas import Schemas
from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.feeds import WEB_LOGS
from pipeline.domain.topics import SESSIONS
from pipeline.domain.topics import WEB_LOGS as WEB_LOGS_TOPIC
from pipeline.engine.duplicates import DuplicateFilter
from pipeline.engine.sessionize_task import SessionizeTask
from pipeline.engine.stage import Reread
from pipeline.sessionize.sessions import Sessions

PARTITIONS: Final = 8
CHUNK: Final = 20_000
_SCHEMAS: Final = Path(__file__).parents[1] / "schemas" / "avro"


class _Fetched(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


def known_schemas() -> Schemas:
    """Return the repository's schemas."""
    documents = {path.stem: json.loads(path.read_text()) for path in _SCHEMAS.glob("*.avsc")}
    return Schemas(documents, {name: at for at, name in enumerate(documents, 1)}, lambda _id: None)


def published(sessions: int) -> pl.DataFrame:
    """Return the records of so many open sessions, five rows or more each."""
    world, state = World(sessions), Sessions(EventTimeRules())
    for _ in range(5):
        for batch in world.everyone():
            state.add(WEB_LOGS, batch)
    return state.take(1)


def with_history(frame: pl.DataFrame, times: int) -> pl.DataFrame:
    """Return the records after ``times - 1`` as many of sessions that are over."""
    over = [
        frame.with_columns(
            pl.col("start") - number * 3600 * 1_000_000, pl.lit("final").alias("status")
        )
        for number in range(times - 1, 0, -1)
    ]
    return pl.concat([*over, frame])


def chunks(values: list[bytes], topic: str, partition: int) -> list[RecordChunk]:
    """Return values as the worker gets them."""
    stamp = START // 1000
    records = [_Fetched(at, stamp, b"", value) for at, value in enumerate(values)]
    return [
        RecordChunk(topic, partition, at, min(at + CHUNK, len(records)), records[at : at + CHUNK])
        for at in range(0, len(records), CHUNK)
    ]


def restore(sessions: int, times: int) -> None:
    """Restore the partitions one after the other; prints the sums."""
    schemas, process = known_schemas(), psutil.Process()
    encoder = ColumnEncoder(schemas.named(SESSIONS.schema), schemas.id_of(SESSIONS.schema))
    values = encoder.encode(with_history(published(sessions // PARTITIONS), times)).to_pylist()
    given = chunks(values, SESSIONS.name, 0)
    gc.collect()
    before, tasks, worst, spent = process.memory_info().rss, [], 0.0, 0.0
    for partition in range(PARTITIONS):
        began = time.process_time()
        task = SessionizeTask(partition, EventTimeRules(), schemas)
        for chunk in given:
            task.restore(Reread(SESSIONS.name, partition, 0, None), chunk)
        cost = time.process_time() - began
        worst, spent = max(worst, cost), spent + cost
        tasks.append(task)
    gc.collect()
    held = sum(task.open_sessions for task in tasks)
    size = (process.memory_info().rss - before) / held
    print(
        f"{held:,} open sessions from {len(values) * PARTITIONS:,} records in {PARTITIONS} "
        f"partitions: {spent:.1f} CPU s (longest {worst:.1f}), "
        f"{spent / held * 1e6:.1f} µs and {size:,.0f} bytes a session (resident)"
    )


def rebuild(rows: int) -> None:
    """Read the key column of an input again; prints seconds."""
    schemas = known_schemas()
    schema = WEB_LOGS_TOPIC.schema
    fields = {field["name"]: field["type"] for field in schemas.named(schema)["fields"]}
    random = np.random.default_rng(2)
    plain = {"string": "", "long": 0, "int": 0, "boolean": False}
    frame = pl.DataFrame(
        {
            "id": [str(uuid.UUID(bytes=random.bytes(16))) for _ in range(rows)],
            "timestamp": START - np.arange(rows)[::-1] * 10,
        }
    ).with_columns(
        pl.lit(None).alias(name)
        if isinstance(kind, list)
        else pl.lit(plain[kind["type"] if isinstance(kind, dict) else kind]).alias(name)
        for name, kind in fields.items()
        if name not in {"id", "timestamp"}
    )
    values = ColumnEncoder(schemas.named(schema), schemas.id_of(schema)).encode(frame).to_pylist()
    task, given = (
        SessionizeTask(0, EventTimeRules(), schemas),
        chunks(values, WEB_LOGS_TOPIC.name, 0),
    )
    began = time.process_time()
    for chunk in given:
        task.restore(Reread(WEB_LOGS_TOPIC.name, 0, 0, None), chunk)
    spent = time.process_time() - began
    print(f"{task.held_keys:,} event keys: {spent:.1f} CPU s, {spent / rows * 1e9:,.0f} ns a key")


def weigh(rows: int) -> None:
    """Fill a duplicate filter in chunks; prints its memory while it grows."""
    random, process, held = np.random.default_rng(3), psutil.Process(), DuplicateFilter()
    gc.collect()
    before, most = process.memory_info().rss, 0
    for first in range(0, rows, CHUNK):
        high, low = random.integers(0, 1 << 63, (2, CHUNK)).astype(np.uint64)
        held.admit(high, low, START + first + np.arange(CHUNK))
        most = max(most, process.memory_info().rss)
    print(
        f"{len(held):,} keys: {(process.memory_info().rss - before) / rows:.1f} bytes a key "
        f"resident, {(most - before) / rows:.1f} at most between chunks"
    )


if __name__ == "__main__":
    asked = [int(argument) for argument in sys.argv[1:]] or [1_000_000, 1]
    restore(asked[0], asked[1] if len(asked) > 1 else 1)
    rebuild(1_000_000)
    weigh(10_000_000)
