"""The endpoint Canvas posts Live Events to: answers 2xx when Kafka has acknowledged, not before.

Canvas waits 15 s, tries three more times within 10 to 20 minutes, then drops the event; it switches
a subscription off after some 9,500 timeouts or 28,000 other errors in a day. So a body nobody can
read is kept as a dead letter and answered 2xx; only what may come right by itself is answered 503.
https://developerdocs.instructure.com/services/live-events/setup
"""

import asyncio
from collections.abc import Callable
from typing import Final, Self

import aiohttp
import structlog
from aiohttp import hdrs, web

from pipeline.domain.errors import SettingsError
from pipeline.ingest.clock import Clock, wall_clock
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.live_batches import LiveBatches
from pipeline.ingest.live_events_http.options import SOURCE, EndpointOptions
from pipeline.ingest.live_events_http.posts import Posts
from pipeline.ingest.live_events_http.signing_keys import SigningKeys
from pipeline.ingest.live_events_http.silent_connections import ImpatientServer
from pipeline.ingest.tools import AgentTools

HEALTHY: Final = "/healthz"
READY: Final = "/readyz"

CLOSING_S: Final = 5.0
"""Time that answers have to reach Canvas when the process ends."""

log = structlog.get_logger(__name__)


class Endpoint:
    """Listens while the context is open; takes events while ``work`` runs, else answers 503.

    It outlives publishers: while Kafka is away Canvas gets an answer, and tries again.
    """

    def __init__(
        self,
        options: EndpointOptions,
        keys: SigningKeys,
        figures: AgentFigures,
        clock: Clock = wall_clock,
    ) -> None:
        self._options = options
        self._keys = keys
        self._figures = figures
        self._posts = Posts(options, keys, figures, clock)
        self._runner: web.ServerRunner | None = None
        self._heard: Callable[[web.RequestHandler], None] = lambda _: None
        self.port = 0

    async def __aenter__(self) -> Self:
        """Listen; raise SettingsError if the port cannot be had."""
        server = ImpatientServer(
            self._handle,
            posts=self._posts,
            head_s=self._options.head_s,
            request_factory=self._request,
            access_log=None,
        )
        self._heard = server.heard
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=CLOSING_S)
        await runner.setup()
        host, port = self._options.host, self._options.port
        try:
            await web.TCPSite(runner, host, port, ssl_context=self._options.tls).start()
        except OSError as error:
            await runner.cleanup()
            raise SettingsError(f"{host}:{port} cannot be had: {error.strerror}") from error
        self._runner = runner
        self.port = runner.addresses[0][1]
        log.info("listening", host=host, port=self.port)
        await self._keys.load()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._posts.stop()

    @property
    def ready(self) -> bool:
        """Whether a post would be taken now."""
        return self._posts.batches is not None and (self._keys.known or not self._options.signed)

    async def work(self, tools: AgentTools) -> None:
        """Publish what is posted until asked to stop; raise what publishing raises.

        Asked to stop, it takes nothing more and ends when all that was taken is published.
        """
        batches = LiveBatches(tools, SOURCE, self._options.batches)
        running = asyncio.ensure_future(batches.run())
        asked = asyncio.ensure_future(tools.stopping.wait())
        self._posts.batches = batches
        self._figures.ready = True
        try:
            await asyncio.wait((running, asked), return_when=asyncio.FIRST_COMPLETED)
            self._leave()
            batches.close()
            await running
        finally:
            self._leave()
            for each in (running, asked):
                each.cancel()
            await asyncio.gather(running, asked, return_exceptions=True)

    def _leave(self) -> None:
        self._posts.batches = None
        self._figures.ready = False

    def _request(
        self,
        message: aiohttp.http.RawRequestMessage,
        payload: aiohttp.StreamReader,
        protocol: web.RequestHandler,
        writer: aiohttp.abc.AbstractStreamWriter,
        task: "asyncio.Task[None]",
    ) -> web.BaseRequest:
        """Make a request once its head is there."""
        self._heard(protocol)
        return web.BaseRequest(
            message,
            payload,
            protocol,
            writer,
            task,
            asyncio.get_running_loop(),
            client_max_size=self._options.max_body_bytes + 1,
        )

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer what was not a whole post. Below a router, which would double its cost."""
        path = request.raw_path.partition("?")[0]
        if self._posts.knows_path(path):
            if request.method != hdrs.METH_POST:
                return web.Response(status=405, headers={hdrs.ALLOW: hdrs.METH_POST})
            return web.Response(status=await self._posts.receive(path, request))
        if path == HEALTHY:
            return web.Response(text="alive\n")
        if path == READY:
            return web.Response(
                text="ready\n" if self.ready else "not ready\n", status=200 if self.ready else 503
            )
        return web.Response(status=404)
