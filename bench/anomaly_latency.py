"""From a published Live Event to the anomaly it makes, on the topic of anomalies.

Background events come at a steady rate on many sessions; about once a second somebody whom nobody
has seen acts as forty users at once, within the same publication: a masquerade burst. A consumer
notes when the alert's record comes. Everything runs on all cores, as on one small machine.
"""

import asyncio
import sys
import time
import uuid
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from aiokafka import TopicPartition

from bench.installation import Installation
from bench.latency import EVENTS_PER_S, EVERY_S, SESSIONS, SETTLE_S, Probes, live_events
from bench.stage_run import joined, start, stop
from pipeline.app import wiring
from pipeline.codecs.avro import decode_one
from pipeline.codecs.schemas import Schemas
from pipeline.domain.topics import ANOMALIES, LIVE_EVENTS
from pipeline.ingest.encoding import BlockEncoder
from pipeline.kafka.clients import reader
from pipeline.kafka.publisher import TransactionalPublisher

STAGES: Final = ("sessionize", "detect")
PROBE_EVERY: Final = 10
"""One burst in so many publications."""

TARGETS: Final = 40
FIRST_ACTOR: Final = 1_000_000
MEASURED_S: Final = 60.0
PATIENCE_S: Final = 20.0
RULE: Final = "masquerade_burst"


async def anomaly_latency(installed: Installation, directory: Path) -> dict[str, Any]:
    """Return p50 and p95 in seconds, and how many bursts raised no alert."""
    probes = Probes()
    with (directory / "anomalies.log").open("wb") as log:
        workers = [
            start(
                [sys.executable, "-m", "pipeline", "run", stage],
                installed.environment,
                log.fileno(),
                pinned=False,
            )
            for stage in STAGES
        ]
        try:
            for stage in STAGES:
                await joined(installed, stage)
            await asyncio.sleep(SETTLE_S)
            async with asyncio.TaskGroup() as group:
                listening = asyncio.Event()
                publishing = group.create_task(_publish(installed, probes, listening))
                group.create_task(_look(installed, probes, publishing, listening))
        finally:
            for worker in workers:
                stop(worker)
    seconds = [at - probes.published[actor] for actor, at in probes.seen.items()]
    return {
        "anomaly_background_events_per_s": EVENTS_PER_S,
        "anomaly_bursts": len(probes.published),
        "anomaly_bursts_without_alert": len(probes.waiting()),
        "anomaly_p50_s": round(float(np.percentile(seconds, 50)), 3),
        "anomaly_p95_s": round(float(np.percentile(seconds, 95)), 3),
    }


async def _publish(installed: Installation, probes: Probes, listening: asyncio.Event) -> None:
    publisher = TransactionalPublisher(installed.settings.kafka(), "anomalies")
    await publisher.start()
    try:
        encoder = BlockEncoder(wiring.schemas(installed.settings), publisher)
        sessions = [uuid.uuid4().hex for _ in range(SESSIONS)]
        await listening.wait()
        dice, began = np.random.default_rng(1), time.monotonic()
        for number in range(round(MEASURED_S / EVERY_S)):
            await asyncio.sleep(max(began + number * EVERY_S - time.monotonic(), 0))
            chosen = dice.integers(0, SESSIONS, round(EVENTS_PER_S * EVERY_S))
            events = live_events([sessions[place] for place in chosen])
            actor = FIRST_ACTOR + number
            if number % PROBE_EVERY == 0:
                events = pl.concat([events, _burst(actor)])
            blocks = list(encoder.blocks(LIVE_EVENTS, events))
            if number % PROBE_EVERY == 0:
                probes.published[str(actor)] = time.monotonic()
            await publisher.publish(blocks)
    finally:
        await publisher.stop()


def _burst(actor: int) -> pl.DataFrame:
    return live_events(
        [uuid.uuid4().hex] * TARGETS,
        user_id=np.arange(TARGETS) + 1,
        real_user_id=np.full(TARGETS, actor),
    )


async def _look(
    installed: Installation,
    probes: Probes,
    publishing: asyncio.Task[None],
    listening: asyncio.Event,
) -> None:
    schemas, connection = wiring.schemas(installed.settings), installed.settings.kafka()
    place = TopicPartition(connection.named(ANOMALIES.name), 0)
    async with reader(connection, raw=False) as consumer:
        consumer.assign([place])
        await consumer.seek_to_end(place)
        await consumer.position(place)
        listening.set()
        patience = MEASURED_S + PATIENCE_S + time.monotonic()
        while time.monotonic() < patience and not (publishing.done() and not probes.waiting()):
            for records in (await consumer.getmany(timeout_ms=100)).values():
                now = time.monotonic()
                for record in records:
                    actor = _actor(schemas, record.value)
                    if actor in probes.published:
                        probes.seen.setdefault(actor, now)


def _actor(schemas: Schemas, value: bytes) -> str | None:
    alert = decode_one(schemas, value, ANOMALIES.schema)
    return alert["key"] if alert["rule"] == RULE else None
