"""One simulated stretch of weeks: its traffic, what is staged, and what the line makes of it."""

import asyncio
import pickle
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from pipeline.app import wiring
from pipeline.app.ingesting import AGENTS, agent_options
from pipeline.app.settings import Settings
from pipeline.codecs.chunk import RecordChunk
from pipeline.codecs.schemas import Schemas
from pipeline.detect.detection import Detection
from pipeline.detect.rules import AnyRule
from pipeline.domain.feeds import COURSE_AUDIT, LIVE_EVENTS, WEB_LOGS, Feed
from pipeline.domain.topics import ANOMALIES, REQUEST_STATS
from pipeline.engine.replay import Replay
from pipeline.engine.stage import Block, MarkBlock
from pipeline.simulator.attacks.attack import AttackKind
from pipeline.simulator.attacks.campaign import stage
from pipeline.simulator.config import SimulationConfig
from pipeline.simulator.files import simulate
from pipeline.simulator.labels import AttackLabel, LookAlike

Record = dict[str, Any]

FEEDS: Final[tuple[Feed, ...]] = (LIVE_EVENTS, WEB_LOGS, COURSE_AUDIT)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was put in, and what came out: final stats, and the last record of every alert.

    Not ``fresh``: the stats were kept, the alerts were those of other rules and are left out.
    """

    config: SimulationConfig
    attacks: tuple[AttackLabel, ...]
    look_alikes: tuple[LookAlike, ...]
    rows: int
    stats: pl.DataFrame
    alerts: list[Record]
    fresh: bool = True


def kept(directory: Path | None, name: str, make: Callable[[], Outcome]) -> Outcome:
    """Return an outcome that was kept under a name, without alerts; else make and keep it."""
    if directory is None:
        return make()
    stats, rest = directory / f"{name}.parquet", directory / f"{name}.pickle"
    if rest.exists():
        # What this very program wrote, on the machine of whoever runs it.
        outcome: Outcome = pickle.loads(rest.read_bytes())  # noqa: S301
        return replace(outcome, stats=pl.read_parquet(stats))
    outcome = make()
    directory.mkdir(parents=True, exist_ok=True)
    outcome.stats.write_parquet(stats)
    rest.write_bytes(pickle.dumps(replace(outcome, stats=pl.DataFrame(), alerts=[], fresh=False)))
    return outcome


def run(
    config: SimulationConfig,
    parts: Sequence[tuple[int, Sequence[AttackKind]]],
    rules: Sequence[AnyRule],
) -> Outcome:
    """Simulate the stretch with `parts` staged in it, and run the line over it."""
    with tempfile.TemporaryDirectory(prefix="canvas-telemetry-detection-") as directory:
        out = Path(directory)
        summary = simulate(config, out, lambda _: None, lambda world: stage(world, parts))
        stats, alerts = asyncio.run(_replay(config, out, rules))
    return Outcome(
        config,
        summary.attacks,
        summary.look_alikes,
        summary.web_log_rows + summary.live_events,
        stats,
        alerts,
    )


async def _replay(
    config: SimulationConfig, out: Path, rules: Sequence[AnyRule]
) -> tuple[pl.DataFrame, list[Record]]:
    settings = Settings(time_zone=config.time_zone, feeds=FEEDS)
    known = wiring.schemas(settings)
    results = _Results(known)
    replay = Replay(
        settings.event_time(),
        known,
        Detection(rules),
        results.take,
        published_ms=time.time_ns() // 1_000_000,
        max_keys=settings.max_keys_per_minute or None,
    )
    # Window after window, as feeds come: what is open in memory stays small.
    for _, feed, path in sorted(_files(out)):
        await AGENTS[feed](
            [str(path)],
            publisher=_Publisher(replay),
            cursors=_NoCursors(),
            schemas=known,
            options=agent_options(settings, late_ok=True),
            report=_silent,
        )
    replay.close()
    return results.stats(), results.alerts()


def _files(out: Path) -> list[tuple[str, Feed, Path]]:
    return [(path.name, feed, path) for feed in FEEDS for path in (out / feed).iterdir()]


def _silent(_: object) -> None:
    """Say nothing: progress is not shown."""


class _Publisher:
    """Publishes into the replay instead of Kafka."""

    def __init__(self, replay: Replay) -> None:
        self._replay = replay

    def partitions(self, topic: str) -> int:
        """Return one: results do not depend on how many there are."""
        del topic
        return 1

    async def publish(self, blocks: Sequence[Block | MarkBlock]) -> list[int]:
        """Run the blocks through the engine at once."""
        return self._replay.publish(blocks)


class _NoCursors:
    """Every file is new."""

    async def read(self, topic: str) -> Mapping[bytes, bytes]:
        """Return nothing."""
        del topic
        return {}


class _Results:
    """Keeps final stats, and the last record of every alert."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._stats: list[pl.DataFrame] = []
        self._alerts: dict[tuple[str, str], Record] = {}

    def take(self, chunk: RecordChunk) -> None:
        """Take a chunk of any output topic."""
        if chunk.topic == REQUEST_STATS.name:
            stats = self._decoded(chunk, REQUEST_STATS.schema)
            self._stats.append(stats.filter(pl.col("status") == "final"))
        elif chunk.topic == ANOMALIES.name:
            for record in self._decoded(chunk, ANOMALIES.schema).iter_rows(named=True):
                self._alerts[record["fingerprint"], record["episode"]] = record

    def stats(self) -> pl.DataFrame:
        """Return the final stats in the order of time."""
        return pl.concat(self._stats).sort("minute", maintain_order=True)

    def alerts(self) -> list[Record]:
        """Return the alerts that were not retracted, oldest first."""
        return standing(self._alerts.values())

    def _decoded(self, chunk: RecordChunk, schema: str) -> pl.DataFrame:
        columns = [field["name"] for field in self._schemas.named(schema)["fields"]]
        return chunk.decode(self._schemas, schema, columns).frame.select(columns)


def standing(records: Iterable[Record]) -> list[Record]:
    """Return the records that were not retracted, oldest first."""
    kept = [record for record in records if record["status"] != "retracted"]
    return sorted(kept, key=lambda one: (one["window_start"], one["rule"], one["key"]))
