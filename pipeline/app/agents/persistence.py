"""Work that is begun again when servers go away, and ends when it is asked to."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from pipeline.domain.errors import Fenced, Unavailable
from pipeline.ingest.figures import AgentFigures

FENCED_IN_A_ROW: Final = 5
"""Brokers that were away may refuse a lone agent once; a second process of its name always does."""

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited, in seconds.

    Pauses double from ``first_s`` to ``longest_s``, give or take a half; a work that went on for
    ``settled_s`` begins with the first again. ``total_s`` is the time without success after which
    it gives up; None: never. After a signal the work has ``stop_s`` to end before it is cut off,
    which loses nothing.
    """

    first_s: float = 0.5
    longest_s: float = 10.0
    settled_s: float = 120.0
    total_s: float | None = None
    stop_s: float = 20.0


async def keep_working(
    attempt: Callable[[], Awaitable[Result]],
    name: str,
    stopping: asyncio.Event,
    figures: AgentFigures,
    patience: Patience,
) -> Result | None:
    """Return what ``attempt`` returns, however often it has to be called; None when stopped.

    Raises Unavailable after ``total_s``, Fenced the fifth time in a row, everything else at once.
    """
    loop = asyncio.get_running_loop()
    wait_s, fenced, failing_since = patience.first_s, 0, loop.time()
    while not stopping.is_set():
        started = loop.time()
        try:
            return await _unless_cut_off(attempt(), name, stopping, patience.stop_s)
        except (Unavailable, Fenced) as error:
            figures.ready = False
            if loop.time() - started > patience.settled_s:
                wait_s, fenced, failing_since = patience.first_s, 0, loop.time()
            fenced = fenced + 1 if isinstance(error, Fenced) else 0
            if fenced >= FENCED_IN_A_ROW:
                raise
            if patience.total_s is not None and loop.time() - failing_since > patience.total_s:
                raise
            figures.restarts += 1
            pause_s = wait_s * random.uniform(0.5, 1.5)  # noqa: S311 - jitter, no secret
            log.warning("waiting", agent=name, why=str(error), wait_s=round(pause_s, 1))
            wait_s = min(wait_s * 2, patience.longest_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause_s)
    return None


async def _unless_cut_off(
    work: Awaitable[Result], name: str, stopping: asyncio.Event, stop_s: float
) -> Result | None:
    """Await the work; cancel it if it goes on too long after ``stopping`` was set."""
    task = asyncio.ensure_future(work)
    asked = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((task, asked), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait((task,), timeout=stop_s)
        if not task.done():
            log.warning("cut off", agent=name, after_s=stop_s)
            return None
        return await task
    finally:
        for each in (task, asked):
            each.cancel()
        await asyncio.gather(task, asked, return_exceptions=True)
