"""When a run has caught up, and how it is closed (semantics rule 18)."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from pipeline.app import wiring
from pipeline.app.closing import publish_closing
from pipeline.app.ingesting import KafkaCursors
from pipeline.app.settings import Settings
from pipeline.app.stages import STAGES, input_topics
from pipeline.domain.errors import Unavailable
from pipeline.engine.tally import Tally, from_json
from pipeline.ingest.clock import wall_clock
from pipeline.kafka.progress import Progress
from pipeline.kafka.publisher import TransactionalPublisher

POLL_S: Final = 0.2

SILENCE_LIMIT_S: Final = 120.0
"""How long brokers may stay away while a run waits; the stages wait as long."""

STANDSTILL_LIMIT_S: Final = 600.0
"""How long a stage may be behind without getting on at all; restarts and restores included."""

TRANSACTIONAL: Final = ("sessionize", "detect")
"""Stages whose commits say whether more is to follow."""


async def caught_up(
    progress: Progress, settings: Settings, stages: Sequence[str]
) -> dict[str, int]:
    """Return the lag of each stage that is behind; empty when all have caught up.

    Stages are asked in the order of the flow. A stage commits what it wrote together with how far
    it read, so once it has no lag, the ends of what the next one reads are complete. A task that
    says it has more to publish counts as one offset.
    """
    for stage in (s for s in STAGES if s in stages):
        topics = input_topics(stage, settings)
        lags = await progress.lag(settings.group(stage), topics, written=True)
        behind = sum(lag.behind for lag in lags.values())
        if stage in TRANSACTIONAL and not behind:
            states = await _states(progress, settings, stage)
            behind = sum(bool(state.get("more")) for state in states)
        if behind:
            return {stage: behind}
    return {}


async def wait_until_caught_up(
    settings: Settings,
    stages: Sequence[str],
    alive: Callable[[], None],
    progressed: Callable[[str, int], None],
) -> None:
    """Wait until every stage has read to the end of its inputs.

    ``alive`` raises if a stage has failed for good; ``progressed`` is told the stage that is
    behind and by how many offsets. Raises Unavailable when the brokers stay away, or when the
    stage that is behind gets on no more.
    """
    waiting = Waiting()
    async with Progress(settings.kafka()) as progress:
        while True:
            alive()
            try:
                behind = await caught_up(progress, settings, stages)
            except Unavailable as error:
                waiting.unanswered(error, time.monotonic())
            else:
                if not behind:
                    return
                waiting.behind(behind, time.monotonic())
                progressed(*next(iter(behind.items())))
            await asyncio.sleep(POLL_S)


class Waiting:
    """Bounds a wait by silence of the brokers and by standstill; times are monotonic seconds."""

    def __init__(self) -> None:
        self._silent_since: float | None = None
        self._last: dict[str, int] = {}
        self._moved: float | None = None

    def unanswered(self, error: Unavailable, now: float) -> None:
        """Take note of a question without answer. Raises it if there were none for too long."""
        if self._silent_since is None:
            self._silent_since = now
        if now - self._silent_since > SILENCE_LIMIT_S:
            raise error

    def behind(self, behind: dict[str, int], now: float) -> None:
        """Take how far which stage is behind. Raises Unavailable if that never changes."""
        self._silent_since = None
        if self._moved is None or behind != self._last:
            self._last, self._moved = dict(behind), now
        elif now - self._moved > STANDSTILL_LIMIT_S:
            stage, offsets = next(iter(behind.items()))
            raise Unavailable(
                f"{stage} has been {offsets} offsets behind for {STANDSTILL_LIMIT_S:.0f} s "
                "without getting on; its log says why"
            )


async def close_event_time(settings: Settings) -> int | None:
    """Publish, to every partition of every feed, the mark that makes everything final.

    Returns the largest event time that was seen, None if no row was ever consumed.
    """
    states = await commit_states(settings)
    seen: list[int] = [at for state in states for at in state["wm"]["largest"].values()]
    if not seen:
        return None
    largest = max(seen)
    at = settings.event_time().closing(largest)
    connection = settings.kafka()
    publisher = TransactionalPublisher(connection, f"{settings.app_id}-close")
    await publisher.start()
    try:
        await publish_closing(
            at,
            settings.feeds,
            publisher=publisher,
            cursors=KafkaCursors(connection),
            schemas=wiring.schemas(settings),
            clock=wall_clock,
        )
    finally:
        await publisher.stop()
    return largest


async def commit_states(settings: Settings) -> list[dict[str, Any]]:
    """Return what sessionize stored with its commits, partition by partition."""
    async with Progress(settings.kafka()) as progress:
        return await _states(progress, settings)


async def _states(
    progress: Progress, settings: Settings, stage: str = "sessionize"
) -> list[dict[str, Any]]:
    topics = input_topics(stage, settings)
    committed = await progress.committed(settings.group(stage), topics[:1])
    return [json.loads(each.metadata) for each in committed.values() if each.metadata]


async def tallies(settings: Settings) -> dict[str, Tally]:
    """Return where rows went, per feed, over all partitions of sessionize."""
    total: dict[str, Tally] = {}
    for state in await commit_states(settings):
        for feed, tally in from_json(state["n"]).items():
            total[feed] = total.get(feed, Tally()) + tally
    return total
