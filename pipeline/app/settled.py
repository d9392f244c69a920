"""How far results are final and in ClickHouse: what may be recomputed."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import polars as pl

from pipeline.app.catching_up import POLL_S, commit_states
from pipeline.app.settings import Settings
from pipeline.app.stages import input_topics
from pipeline.app.topic_frames import topic_frame
from pipeline.codecs.schemas import Schemas
from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.domain.topics import DETECTOR_STATE
from pipeline.engine.detect_task import MARKS_OF, REACHED
from pipeline.kafka.progress import Progress

WAIT_LIMIT_S: Final = 120.0


class Settled(NamedTuple):
    """Event times (microseconds) below which nothing changes any more by itself.

    A session that ends before ``sessions`` and a minute that ends at or before ``minutes`` are
    final in their stages.
    """

    sessions: int
    minutes: int


async def settled(settings: Settings, schemas: Schemas) -> Settled:
    """Return what the stages have made final, in all partitions.

    Raises OurMistake if they have made nothing final yet, Unavailable while they are publishing
    what became final.
    """
    rules = settings.event_time()
    committed = await commit_states(settings)
    if any(state.get("more") for state in committed):
        raise Unavailable("sessionize is still publishing what became final; try again then.")
    watermarks = [state["wm"]["task"] for state in committed]
    limits = [rules.limit(at) for at in watermarks if at is not None]
    columns = ("detector", "key", "state")
    states = await topic_frame(settings, schemas, DETECTOR_STATE, columns)
    own = states.filter((pl.col("detector") == MARKS_OF[0]) & (pl.col("key") == MARKS_OF[1]))
    minutes = json.loads(own["state"][-1])[REACHED] if own.height else None
    if not limits or minutes is None:
        raise OurMistake("Nothing is final yet: there is nothing to recompute.")
    return Settled(min(limits) - rules.gap, minutes)


async def wait_for_sink(settings: Settings, progressed: Callable[[int], None]) -> None:
    """Wait until ClickHouse has all that is on the topics now.

    Raises Unavailable if the sink does not get there, by far not or because it does not run.
    """
    topics = input_topics("sink", settings)
    deadline = time.monotonic() + WAIT_LIMIT_S
    async with Progress(settings.kafka()) as progress:
        ends = {place: end for place, end in (await progress.ends(topics)).items() if end}
        begun = await progress.beginnings(topics)
        while True:
            committed = await progress.committed(settings.group("sink"), topics)
            behind = 0
            for place, end in ends.items():
                at = committed[place].offset if place in committed else begun[place]
                behind += max(0, end - at)
            if not behind:
                return
            if time.monotonic() > deadline:
                raise Unavailable(f"The sink is {behind:,} offsets behind: does it run?")
            progressed(behind)
            await asyncio.sleep(POLL_S)
