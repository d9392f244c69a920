"""The DAP agent against the server of the tests and Kafka in memory."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pipeline.codecs.marks import Mark
from pipeline.ingest.clock import Clock
from pipeline.ingest.dap.agent import News, ingest_dap
from pipeline.ingest.dap.cursor import DapCursor
from pipeline.ingest.dap.options import DapOptions
from pipeline.ingest.dap.source import DapAccess, open_source
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.tools import AgentTools
from tests.support.avro_schemas import project_schemas
from tests.support.canvas.dap_server import CLIENT_ID, CLIENT_SECRET, DapServer
from tests.support.memory_publisher import MemoryPublisher
from tests.support.raw_files import NOW

SCHEMAS = project_schemas()
ROWS = "canvas.web_logs.v1"


@dataclass
class DapRun:
    """One agent's surroundings through its restarts."""

    server: DapServer
    publisher: MemoryPublisher = field(default_factory=MemoryPublisher)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    clock: Clock = lambda: NOW
    secret: str = CLIENT_SECRET
    news: list[News] = field(default_factory=list)
    figures: AgentFigures = field(default_factory=AgentFigures)
    heard: Callable[[News], None] = lambda _: None

    async def start(self, **options: Any) -> DapCursor | None:
        """Run the agent for one window, if the options do not say otherwise."""
        chosen = DapOptions(**{"once": True, "batch_rows": 7, **QUICK, **options})
        self.figures = AgentFigures()
        tools = AgentTools(
            publisher=self.publisher,
            cursors=self.publisher,
            schemas=SCHEMAS,
            clock=self.clock,
            stopping=self.stopping,
            figures=self.figures,
        )
        access = DapAccess(self.server.url, CLIENT_ID, self.secret)

        def tell(news: News) -> None:
            self.news.append(news)
            self.heard(news)

        cursor = await ingest_dap(
            tools,
            chosen,
            lambda: open_source(access, chosen, self.stopping, self.figures, self.clock),
            tell,
        )
        rows = self.figures.rows
        assert rows["read"] == rows.total() - rows["read"]
        return cursor

    def ids(self) -> Counter[str]:
        """How often each row was published."""
        return Counter(record["id"] for record in self.publisher.records(ROWS, SCHEMAS))

    def times(self) -> list[list[int | Mark]]:
        """The times of rows and the marks of each partition, in order."""
        return [
            [item if isinstance(item, Mark) else item["timestamp"] for item in partition]
            for partition in self.publisher.in_order(ROWS, SCHEMAS)
        ]

    def erased(self) -> Counter[str]:
        """How often each erasure was published."""
        records = self.publisher.records("canvas.erasures.v1", SCHEMAS)
        return Counter(record["subject"] for record in records)

    def dead(self) -> list[dict[str, Any]]:
        """The dead letters."""
        return self.publisher.records("canvas.dead_letters.v1", SCHEMAS)


QUICK = {"poll_s": 0.0, "retry_s": 0.0}
"""No waiting."""
