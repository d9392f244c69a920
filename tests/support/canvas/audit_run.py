"""The Course Audit agent against the fake instance, on a publisher in memory."""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any

from pipeline.codecs.marks import Mark
from pipeline.domain.errors import Unavailable
from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.domain.topics import COURSE_AUDIT, DEAD_LETTERS
from pipeline.ingest.course_audit.agent import poll_course_audit
from pipeline.ingest.course_audit.options import AuditOptions
from pipeline.ingest.course_audit.round import Round
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.tools import AgentTools
from tests.support.avro_schemas import project_schemas
from tests.support.canvas.audit_server import SECOND, TOKEN, FakeCanvas, Happened
from tests.support.memory_publisher import MemoryPublisher

NOW = 1_771_200_000 * SECOND
SCHEMAS = project_schemas()


def happened(number: int, at: int, **more: Any) -> Happened:
    """Return an event with an id of its number."""
    given = {"course": 500 + number % 3, "account": 1, **more}
    return Happened(str(uuid.UUID(int=number + (1 << 100))), at, **given)


@dataclass
class AuditRun:
    """One installation: what is in Kafka, the clock, and runs of the agent."""

    canvas: FakeCanvas
    now: int = NOW
    ahead: int = 0
    publisher: MemoryPublisher = field(default_factory=MemoryPublisher)
    figures: AgentFigures = field(default_factory=AgentFigures)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    said: list[str] = field(default_factory=list)

    def options(self, **more: Any) -> AuditOptions:
        given: dict[str, Any] = {
            "url": self.canvas.url,
            "token": TOKEN,
            "since": NOW - 2 * HOUR,
            "requests_per_hour": 3_600_000_000,
            "once": True,
            "first_wait_s": 0.001,
            "say": self.said.append,
        }
        return AuditOptions(**{**given, **more})

    async def round(self, **more: Any) -> Round | None:
        """Run the agent for a round, as one process."""
        self.canvas.now = self.now - self.ahead
        tools = AgentTools(
            publisher=self.publisher,
            cursors=self.publisher,
            schemas=SCHEMAS,
            clock=lambda: self.now,
            stopping=self.stopping,
            figures=self.figures,
        )
        return await poll_course_audit(tools, self.options(**more))

    async def through_failures(self, **more: Any) -> int:
        """Run until a round is done, anew after each failure; return how many there were."""
        failures = 0
        while True:
            try:
                await self.round(**more)
            except Unavailable:
                failures += 1
            else:
                return failures

    def later(self, micros: int = 15 * MINUTE) -> None:
        """Let time go by."""
        self.now += micros

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.publisher.records(COURSE_AUDIT.name, SCHEMAS)

    @property
    def letters(self) -> list[dict[str, Any]]:
        return self.publisher.records(DEAD_LETTERS.name, SCHEMAS)

    @property
    def ids(self) -> list[str]:
        """Return what was published, copies included, in order."""
        return sorted(row["id"] for row in self.rows)

    def source(self) -> list[str]:
        """Return what the instance holds, in order."""
        return sorted(event.id for event in self.canvas.events)

    def marks(self) -> list[list[Mark]]:
        """Return the marks of each partition."""
        return [
            [item for item in log if isinstance(item, Mark)]
            for log in self.publisher.in_order(COURSE_AUDIT.name, SCHEMAS)
        ]
