"""From a published Live Event to its session in ClickHouse.

Background events come at a steady rate on many sessions; four times a second a probe is published
with them: one event of a session that nobody has seen. ClickHouse is asked every 20 ms which
probes it shows. Everything runs on all cores, as on one small machine.
"""

import asyncio
import sys
import time
import uuid
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import psutil
from clickhouse_connect.driver.asyncclient import AsyncClient

from bench.installation import Installation
from bench.stage_run import cpu_s, joined, start, stop
from bench.two_workers import server
from pipeline.app import wiring
from pipeline.codecs.live_event_rows import SCHEMA
from pipeline.domain.topics import LIVE_EVENTS
from pipeline.ingest.encoding import BlockEncoder
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.sink.client import open_async_client

EVENTS_PER_S: Final = 4_000
EVERY_S: Final = 0.1
PROBE_EVERY: Final = 5
"""One probe in so many publications, and published with them."""

STAGES: Final = ("sessionize", "sink")
SERVERS: Final = {"broker": "kafka.Kafka", "clickhouse": "pipeline.local.clickhouse"}
SETTLE_S: Final = 2.0
MEASURED_S: Final = 40.0
PATIENCE_S: Final = 20.0
SESSIONS: Final = 20_000


class Probes:
    """When each probe was published and when it was seen."""

    def __init__(self) -> None:
        self.published: dict[str, float] = {}
        self.seen: dict[str, float] = {}

    def waiting(self) -> list[str]:
        """Return the probes not seen yet."""
        return [probe for probe in self.published if probe not in self.seen]


async def latency(installed: Installation, directory: Path) -> dict[str, Any]:
    """Return p50 and p95 in seconds, and what was lost sight of."""
    probes = Probes()
    with (directory / "latency.log").open("wb") as log:
        workers = {
            stage: start(
                [sys.executable, "-m", "pipeline", "run", stage],
                installed.environment,
                log.fileno(),
                pinned=False,
            )
            for stage in STAGES
        }
        watched = {
            **{stage: psutil.Process(worker.pid) for stage, worker in workers.items()},
            **{name: server(word) for name, word in SERVERS.items()},
        }
        try:
            for stage in STAGES:
                await joined(installed, stage)
            await asyncio.sleep(SETTLE_S)
            client = await open_async_client(installed.settings.clickhouse())
            before, began = {name: cpu_s(each) for name, each in watched.items()}, time.monotonic()
            try:
                async with asyncio.TaskGroup() as group:
                    publishing = group.create_task(_publish(installed, probes))
                    group.create_task(_look(client, probes, publishing))
            finally:
                await client.close()
            wall = time.monotonic() - began
            spent = {name: (cpu_s(each) - before[name]) / wall for name, each in watched.items()}
        finally:
            for worker in workers.values():
                stop(worker)
    seconds = [at - probes.published[probe] for probe, at in probes.seen.items()]
    return {
        "latency_background_events_per_s": EVENTS_PER_S,
        "latency_probes": len(probes.published),
        "latency_probes_not_seen": len(probes.waiting()),
        "latency_p50_s": round(float(np.percentile(seconds, 50)), 3),
        "latency_p95_s": round(float(np.percentile(seconds, 95)), 3),
        **{f"latency_{name}_cpu_s_per_s": round(share, 2) for name, share in spent.items()},
    }


async def _publish(installed: Installation, probes: Probes) -> None:
    publisher = TransactionalPublisher(installed.settings.kafka(), "latency")
    await publisher.start()
    try:
        encoder = BlockEncoder(wiring.schemas(installed.settings), publisher)
        sessions = [uuid.uuid4().hex for _ in range(SESSIONS)]
        began = time.monotonic()
        for number in range(round(MEASURED_S / EVERY_S)):
            await asyncio.sleep(max(began + number * EVERY_S - time.monotonic(), 0))
            chosen = np.random.default_rng(number).integers(
                0, SESSIONS, round(EVENTS_PER_S * EVERY_S)
            )
            ids = [sessions[place] for place in chosen]
            if number % PROBE_EVERY == 0:
                probe = uuid.uuid4().hex
                ids.append(probe)
            blocks = list(encoder.blocks(LIVE_EVENTS, live_events(ids)))
            if number % PROBE_EVERY == 0:
                probes.published[probe] = time.monotonic()
            await publisher.publish(blocks)
    finally:
        await publisher.stop()


async def _look(client: AsyncClient, probes: Probes, publishing: asyncio.Task[None]) -> None:
    patience = MEASURED_S + PATIENCE_S + time.monotonic()
    while time.monotonic() < patience:
        waiting = probes.waiting()
        if publishing.done() and not waiting:
            return
        if waiting:
            found = await client.query(
                "SELECT DISTINCT session_id FROM sessions WHERE session_id IN {ids:Array(String)}",
                parameters={"ids": waiting},
            )
            now = time.monotonic()
            probes.seen |= {row[0]: now for row in found.result_rows}
        await asyncio.sleep(0.02)


def live_events(sessions: list[str], **more: Any) -> pl.DataFrame:
    """Return one event per session id, as the agents publish them; ``more``: columns of them."""
    now, count = time.time_ns() // 1000, len(sessions)
    keys = [uuid.uuid4().hex for _ in range(count)]
    given: dict[str, Any] = {
        "event_key": keys,
        "session_id": sessions,
        "request_id": keys,
        "event_time": np.full(count, now),
        "user_id": np.arange(count) % 5_000 + 1,
        **more,
    }
    same: dict[str, Any] = {
        "event_name": "asset_accessed",
        "format": "canvas",
        "hostname": "canvas.example.edu",
        "client_ip": "198.51.100.7",
        "http_method": "GET",
        "url": "https://canvas.example.edu/courses/101/assignments/7",
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0",
        "body": '{"asset_name":"Week 3","asset_type":"assignment","category":"assignments"}',
    }
    frame = pl.DataFrame(
        {
            name: given.get(name, pl.Series([same.get(name)]).new_from_index(0, count))
            for name in SCHEMA
        },
        schema=SCHEMA,
    )
    return frame.with_columns(
        ingested_at=pl.lit(now), source=pl.lit("bench"), truncated=pl.lit(value=False)
    )
