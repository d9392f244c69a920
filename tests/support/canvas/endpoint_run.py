"""The endpoint over the wire, with a signer and a publisher in memory."""

import asyncio
import base64
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from pipeline.domain.event_time import MICROS
from pipeline.domain.topics import DEAD_LETTERS, LIVE_EVENTS
from pipeline.engine.stage import Block, MarkBlock
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.live_batches import LiveBatchOptions
from pipeline.ingest.live_events_http.endpoint import Endpoint
from pipeline.ingest.live_events_http.options import EndpointOptions
from pipeline.ingest.live_events_http.signing_keys import SigningKeys
from pipeline.ingest.tools import AgentTools
from tests.support.avro_schemas import project_schemas
from tests.support.canvas.https_delivery import HttpsDelivery
from tests.support.canvas.signing import Signer
from tests.support.memory_publisher import MemoryPublisher

SCHEMAS = project_schemas()
NOW = 1_772_460_000 * MICROS
SIGNER = Signer()
QUICK = LiveBatchOptions(linger_s=0.0)
SIGNED = EndpointOptions(batches=QUICK)
SECRET = "correct-horse"
BY_PATH = EndpointOptions(signed=False, secret=SECRET, batches=QUICK)
LOGIN = {"Authorization": "Basic " + base64.b64encode(b"canvas:pa\xc3\x9fwort").decode()}
BY_LOGIN = EndpointOptions(signed=False, username="canvas", password="paßwort", batches=QUICK)


class SlowPublisher(MemoryPublisher):
    """Commits when it is let go; until then everything waits."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def publish(self, blocks: Sequence[Block | MarkBlock]) -> list[int]:
        await self.go.wait()
        return await super().publish(blocks)


@dataclass
class Running:
    endpoint: Endpoint
    canvas: HttpsDelivery
    session: aiohttp.ClientSession
    publisher: MemoryPublisher
    tools: AgentTools
    work: "asyncio.Future[None]"

    @property
    def requests(self) -> Counter[str]:
        return self.tools.figures.requests

    def rows(self) -> list[dict[str, Any]]:
        return self.publisher.records(LIVE_EVENTS.name, SCHEMAS)

    def dead(self) -> list[dict[str, Any]]:
        return self.publisher.records(DEAD_LETTERS.name, SCHEMAS)


@asynccontextmanager
async def running(
    options: EndpointOptions = SIGNED, publisher: MemoryPublisher | None = None
) -> AsyncIterator[Running]:
    async def fetch() -> bytes:
        return SIGNER.jwks()

    publisher = publisher or MemoryPublisher()
    figures = AgentFigures()
    tools = AgentTools(
        publisher=publisher,
        cursors=publisher,
        schemas=SCHEMAS,
        clock=lambda: NOW,
        stopping=asyncio.Event(),
        figures=figures,
    )
    async with (
        Endpoint(options, SigningKeys(fetch), figures, lambda: NOW) as endpoint,
        aiohttp.ClientSession() as session,
    ):
        scheme = "http" if options.tls is None else "https"
        canvas = HttpsDelivery(session, f"{scheme}://127.0.0.1:{endpoint.port}{options.path}")
        work = asyncio.ensure_future(endpoint.work(tools))
        await asyncio.sleep(0)
        try:
            yield Running(endpoint, canvas, session, publisher, tools, work)
        finally:
            tools.stopping.set()
            await asyncio.gather(work, return_exceptions=True)
