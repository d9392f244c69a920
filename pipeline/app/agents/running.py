"""The frame of every live agent: a publisher, signals, and beginning anew when servers go away."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pipeline.app import wiring
from pipeline.app.agents.observing import ObservedAgent
from pipeline.app.agents.persistence import Patience, keep_working
from pipeline.app.ingesting import KafkaCursors
from pipeline.app.process_frame import served, signals_set
from pipeline.app.settings import Settings
from pipeline.ingest.clock import wall_clock
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.tools import AgentTools
from pipeline.kafka.publisher import TransactionalPublisher

Result = TypeVar("Result")
Work = Callable[[AgentTools], Awaitable[Result]]


async def run_agent(
    settings: Settings,
    name: str,
    work: Work[Result],
    *,
    instance: str = "",
    patience_s: float | None = None,
    figures: AgentFigures | None = None,
) -> Result | None:
    """Do ``work`` with a publisher of the id ``{app_id}-ingest-{name}``; return what it returns.

    A work that raises Unavailable is called again with a publisher started anew, which fences what
    is left of its last transaction: the work reads its cursor then, and knows what was committed.
    That goes on for ever, or until ``patience_s`` without success. SIGTERM and SIGINT set
    ``stopping``; a work that does not end then is cut off, and None is returned.
    ``instance`` tells processes of one agent apart that work side by side.

    Raises OurMistake, TooManyBadRecords, Unavailable after ``patience_s``, and Fenced when another
    process takes the id over again and again.
    """
    label = f"ingest-{name}" + (f"-{instance}" if instance else "")
    connection = settings.kafka(client_id=f"{settings.app_id}-{label}")
    publisher = TransactionalPublisher(connection, f"{settings.app_id}-{label}")
    figures = AgentFigures() if figures is None else figures
    # What is loaded stays: no collection need walk through it (a tenth of the CPU of a busy agent).
    gc.freeze()
    stopping, protection = asyncio.Event(), wiring.protection(settings)

    async def attempt() -> Result:
        known = await asyncio.to_thread(wiring.schemas, settings)
        await publisher.start()
        tools = AgentTools(
            publisher=publisher,
            cursors=KafkaCursors(connection),
            schemas=known,
            clock=wall_clock,
            stopping=stopping,
            figures=figures,
            protection=protection,
        )
        return await work(tools)

    async with served(settings, ObservedAgent(name, figures)):
        with signals_set(stopping):
            try:
                patience = Patience(total_s=patience_s)
                return await keep_working(attempt, name, stopping, figures, patience)
            finally:
                figures.ready = False
                await publisher.stop()
