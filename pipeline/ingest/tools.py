"""What a live agent works with."""

import asyncio
from dataclasses import dataclass, field

from pipeline.codecs.protection import Protection
from pipeline.codecs.schemas import Schemas
from pipeline.ingest.clock import Clock
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.publisher import CursorSource, Publisher


@dataclass(frozen=True, slots=True)
class AgentTools:
    """One set for each start of the publisher.

    ``stopping`` is set when the process is asked to end: the agent finishes what it can within a
    few seconds and returns.
    """

    publisher: Publisher
    cursors: CursorSource
    schemas: Schemas
    clock: Clock
    stopping: asyncio.Event
    figures: AgentFigures
    protection: Protection = field(default_factory=Protection)
