"""``/metrics``, ``/healthz`` and ``/readyz`` of one worker, served on its event loop.

On the loop and not in a thread: what it reads is never half changed, and a worker whose loop
stands still does not answer, which is what a liveness probe should learn.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Protocol

import structlog
from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family

from pipeline.domain.errors import SettingsError

log = structlog.get_logger(__name__)


class Observed(Protocol):
    """A process whose metrics are asked for."""

    @property
    def ready(self) -> bool:
        """Whether it does its work."""

    def collect(self) -> Iterable[Family]:
        """Give its metrics."""


@asynccontextmanager
async def metrics_server(observed: Observed, host: str, port: int) -> AsyncIterator[int]:
    """Serve until the block ends; yield the port, which is a free one for ``port`` 0.

    Raises SettingsError if the port cannot be had.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(observed)
    app = web.Application()
    app.add_routes(_routes(observed, registry))
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise SettingsError(
                f"the metrics port {host}:{port} cannot be had: {error.strerror}"
            ) from error
        found: int = runner.addresses[0][1]
        log.info("metrics", host=host, port=found)
        yield found
    finally:
        await runner.cleanup()


def _routes(observed: Observed, registry: CollectorRegistry) -> list[web.RouteDef]:
    async def scrape(request: web.Request) -> web.Response:
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": kind})

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="alive\n")

    async def ready(_: web.Request) -> web.Response:
        return (
            web.Response(text="ready\n")
            if observed.ready
            else web.Response(text="not ready\n", status=503)
        )

    return [
        web.get("/metrics", scrape),
        web.get("/healthz", healthy),
        web.get("/readyz", ready),
    ]
