"""What an undisturbed run makes of the same files, in memory, window by window."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from pipeline.app import wiring
from pipeline.app.demo.conservation import IDENTITIES
from pipeline.app.ingesting import AGENTS, agent_options
from pipeline.app.settings import Settings
from pipeline.codecs.chunk import RecordChunk
from pipeline.codecs.column_decoder import ColumnDecoder
from pipeline.codecs.schemas import Schemas
from pipeline.detect.detection import Detection
from pipeline.domain.feeds import Feed
from pipeline.domain.topics import (
    COURSE_AUDIT,
    LIVE_EVENTS,
    REQUEST_STATS,
    SESSIONS,
    WEB_LOGS,
    Topic,
)
from pipeline.engine.replay import Replay
from pipeline.engine.stage import Block, MarkBlock
from pipeline.engine.tally import Tally
from tests.chaos.load import PIECES, SPEAKING_FEEDS, Load

INPUTS: Final = (WEB_LOGS, LIVE_EVENTS, COURSE_AUDIT)
"""Topics that sessionize reads; every copy of a row counts."""

RESULTS: Final = tuple(topic for topic in IDENTITIES if topic not in INPUTS)
"""Topics that the stages write and ClickHouse keeps."""

WITH_STATUS: Final = (SESSIONS, REQUEST_STATS)
"""Of these the final records count."""


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """Records of every topic (of sessions and statistics the final ones), and where rows went."""

    records: Mapping[Topic, pl.DataFrame]
    tallies: Mapping[Feed, Tally]


def undisturbed(settings: Settings, load: Load) -> Undisturbed:
    """Run the agents, sessionize and detect over the files, without Kafka and faults."""
    return asyncio.run(_run(settings, load))


async def _run(settings: Settings, load: Load) -> Undisturbed:
    schemas = wiring.schemas(settings)
    records = _Records(schemas)
    run = Replay(
        settings.event_time(),
        schemas,
        Detection(wiring.rules(settings)),
        records.take,
        published_ms=time.time_ns() // 1_000_000,
        max_keys=settings.max_keys_per_minute or None,
    )
    publisher = _Publisher(run, records)
    for first in range(0, load.pieces, PIECES):
        for feed in SPEAKING_FEEDS:
            paths = load.paths(feed, range(first, first + PIECES))
            if paths:
                await AGENTS[feed](
                    paths,
                    publisher=publisher,
                    cursors=_NoCursors(),
                    schemas=schemas,
                    options=agent_options(settings, late_ok=True),
                )
    run.close()
    return Undisturbed(records.frames(), dict(run.tallies))


class _Records:
    """Keeps what is written, decoded, topic by topic."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._topics = {topic.name: topic for topic in (*INPUTS, *RESULTS)}
        self._frames: dict[Topic, list[pl.DataFrame]] = {
            topic: [] for topic in self._topics.values()
        }

    def take(self, chunk: RecordChunk) -> None:
        """Keep a chunk of an output topic."""
        topic = self._topics.get(chunk.topic)
        if topic is None:
            return
        columns = self._columns(topic)
        frame = chunk.decode(self._schemas, topic.schema, columns).frame.select(columns)
        if topic in WITH_STATUS:
            frame = frame.filter(pl.col("status") == "final")
        self._frames[topic].append(frame)

    def published(self, block: Block) -> None:
        """Keep a block of an input topic."""
        topic = self._topics.get(block.topic)
        if topic in INPUTS:
            columns = self._columns(topic)
            decoder = ColumnDecoder(self._schemas, topic.schema, columns)
            self._frames[topic].append(decoder.decode(block.values.to_pylist()).frame)

    def frames(self) -> dict[Topic, pl.DataFrame]:
        """Return one frame a topic."""
        return {topic: pl.concat(frames) for topic, frames in self._frames.items() if frames}

    def _columns(self, topic: Topic) -> list[str]:
        return [field["name"] for field in self._schemas.named(topic.schema)["fields"]]


class _Publisher:
    """Publishes into the run; one partition, for results do not depend on how many there are."""

    def __init__(self, run: Replay, records: _Records) -> None:
        self._run = run
        self._records = records

    def partitions(self, topic: str) -> int:
        """Return one."""
        del topic
        return 1

    async def publish(self, blocks: Sequence[Block | MarkBlock]) -> list[int]:
        """Note the rows, and run them through the stages at once."""
        for block in blocks:
            if isinstance(block, Block):
                self._records.published(block)
        return self._run.publish(blocks)


class _NoCursors:
    """Every file is new."""

    async def read(self, topic: str) -> Mapping[bytes, bytes]:
        """Return nothing."""
        del topic
        return {}
