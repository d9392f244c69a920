"""Session windows of 30 minutes in Bytewax, as its documentation shows them.

    python -m bytewax.run bench/peers/bytewax_sessions.py -r DIR -s 10 -b 0

Runs in an environment of its own (see ``build.py``); nothing of the pipeline is imported. Values
are decoded by fastavro, sessions go back to Kafka as JSON, at least once; state is snapshotted
every ten seconds.

A line of JSON on stdout every 2,000 rows says how far it is and what it has cost.
"""

import io
import json
import os
import sys
import time
from datetime import timedelta
from typing import Any, Final

import bytewax.operators as op
import confluent_kafka
import fastavro
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing

GAP: Final = timedelta(minutes=30)
BEHIND: Final = timedelta(minutes=90)
"""Rows of an hour come in no order."""

REPORT_EVERY: Final = 2_000
PREFIX_BYTES: Final = 5

with open(os.environ["PEER_SCHEMA"], encoding="utf-8") as file:  # noqa: PTH123
    SCHEMA = fastavro.parse_schema(json.load(file))

seen = 0


def row_of(message: Any) -> tuple[str, dict[str, Any]] | None:
    """Decode a row with a session; None for the rest."""
    global seen  # noqa: PLW0603
    if message.value is None:
        return None
    seen += 1
    if seen % REPORT_EVERY == 0:
        line = {"rows": seen, "cpu_s": time.process_time(), "wall_s": time.monotonic()}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
    row: Any = fastavro.schemaless_reader(io.BytesIO(message.value[PREFIX_BYTES:]), SCHEMA)
    key = row["session_id"]
    return None if key is None else (key, row)


def begun() -> list[int]:
    """Return requests, errors, writes, participations, durations (sum, maximum) and the user."""
    return [0, 0, 0, 0, 0, 0, -1]


def folded(session: list[int], row: dict[str, Any]) -> list[int]:
    """Count a row."""
    duration = max(row["interaction_micros"], 0)
    session[0] += 1
    session[1] += row["http_status"] >= 400
    session[2] += row["http_method"] in {"POST", "PUT", "PATCH", "DELETE"}
    session[3] += row["participated"]
    session[4] += duration
    session[5] = max(session[5], duration)
    session[6] = max(session[6], row["user_id"] or -1)
    return session


def merged(one: list[int], other: list[int]) -> list[int]:
    """Bridge two sessions."""
    added = [one[i] + other[i] for i in range(5)]
    return [*added, max(one[5], other[5]), max(one[6], other[6])]


def written(session: tuple[str, tuple[int, list[int]]]) -> Any:
    """Return the record of a session."""
    key, (_, counts) = session
    return KafkaSinkMessage(key.encode(), json.dumps(counts).encode())


flow = Dataflow("sessions")
brokers = [os.environ["PEER_BROKER"]]
rows = op.input(
    "rows",
    flow,
    KafkaSource(
        brokers,
        [os.environ["PEER_TOPIC"]],
        tail=False,
        starting_offset=confluent_kafka.OFFSET_BEGINNING,
        batch_size=10_000,
    ),
)
keyed = op.filter_map("decode", rows, row_of)
sessions = windowing.fold_window(
    "sessions",
    keyed,
    windowing.EventClock(lambda row: row["timestamp"], wait_for_system_duration=BEHIND),
    windowing.SessionWindower(gap=GAP),
    begun,
    folded,
    merged,
)
records = op.map("write", sessions.down, written)
op.output(
    "out",
    records,
    KafkaSink(
        brokers,
        os.environ["PEER_OUTPUT"],
        {"linger.ms": "50", "batch.size": "524288", "compression.type": "lz4"},
    ),
)
