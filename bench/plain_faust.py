"""The peer: a Faust agent as Faust's documentation shows it, keeping sessions in a Faust table.

    python -m bench.plain_faust worker --without-web -l warning

One event at a time; the value decoded by fastavro; ``table[session_id] = ...`` with its changelog
topic. What a user can tune is tuned: see ``docs/benchmarks.md``. It keeps far less than the
sessionize stage: no duplicate filter, no sets, no event time, no deltas, at least once.

A line of JSON on stdout every 2,000 rows says how far it is and what it has cost.
"""

import io
import json
import logging
import os
import sys
import time
from typing import Any, Final

import fastavro
import faust
from fastavro.types import Schema
from faust.app.base import BootStrategy

from bench.peer_environment import BROKER, DATA, PARTITIONS, SCHEMA, TOPIC

GAP_S: Final = 30 * 60
REPORT_EVERY: Final = 2_000
PREFIX_BYTES: Final = 5
"""Confluent's wire format: a zero byte and the schema's id."""

Session = dict[str, Any]

logging.disable(logging.WARNING)  # costs a record per message, whatever the handlers print


class NoSensors(BootStrategy):
    """Faust counts every event for its web pages; nobody looks."""

    enable_web = False
    enable_sensors = False


class PlainApp(faust.App):
    """A Faust application."""

    BootStrategy = NoSensors


app = PlainApp(
    "plain-faust",
    broker=f"kafka://{os.environ[BROKER]}",
    datadir=os.environ[DATA],
    store="memory://",
    topic_partitions=int(os.environ[PARTITIONS]),
    topic_replication_factor=1,
    topic_disable_leader=True,
    consumer_auto_offset_reset="earliest",
    broker_max_poll_records=10_000,
    broker_check_crcs=False,
    broker_commit_every=100_000,
    broker_commit_interval=3.0,
    stream_buffer_maxsize=16_384,
    stream_wait_empty=False,
    producer_linger_ms=50,
    producer_max_batch_size=512 * 1024,
    producer_acks=1,
)
rows = app.topic(os.environ[TOPIC], key_type=bytes, value_type=bytes, value_serializer="raw")
sessions = app.Table("sessions")


def _schema() -> Schema:
    with open(os.environ[SCHEMA], encoding="utf-8") as file:  # noqa: PTH123
        return fastavro.parse_schema(json.load(file))


schema = _schema()


def begun(row: dict[str, Any], at: float) -> Session:
    """Return a session of nothing but its first moment."""
    return {
        "start": at,
        "end": at,
        "user": row["user_id"],
        "requests": 0,
        "errors": 0,
        "writes": 0,
        "participations": 0,
        "duration_sum": 0,
        "duration_max": 0,
    }


@app.agent(rows)
async def sessionize(stream: faust.StreamT[bytes | None]) -> None:
    """Count every row into the session it belongs to."""
    seen = 0
    async for value in stream:
        if value is None:
            continue
        seen += 1
        if seen % REPORT_EVERY == 0:
            report(seen)
        row: Any = fastavro.schemaless_reader(io.BytesIO(value[PREFIX_BYTES:]), schema)
        key = row["session_id"]
        if key is None:
            continue
        at = row["timestamp"].timestamp()
        session = sessions.get(key)
        if session is None or at - session["end"] > GAP_S:
            session = begun(row, at)
        session["start"] = min(session["start"], at)
        session["end"] = max(session["end"], at)
        session["requests"] += 1
        session["errors"] += row["http_status"] >= 400
        session["writes"] += row["http_method"] in {"POST", "PUT", "PATCH", "DELETE"}
        session["participations"] += row["participated"]
        session["duration_sum"] += max(row["interaction_micros"], 0)
        session["duration_max"] = max(session["duration_max"], row["interaction_micros"])
        sessions[key] = session


def report(seen: int) -> None:
    """Say how many rows went by, and when."""
    line = {"rows": seen, "cpu_s": time.process_time(), "wall_s": time.monotonic()}
    sys.__stdout__.write(json.dumps(line) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


if __name__ == "__main__":
    app.main()
