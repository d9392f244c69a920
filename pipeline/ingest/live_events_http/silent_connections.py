"""A server that answers whole posts at once, and closes connections whose first one does not come.

aiohttp closes idle connections between requests, and waits for the first one for ever: a few
hundred silent connections would use up the files that a process may have open.
"""

import asyncio
from typing import Any

from aiohttp import web

from pipeline.ingest.live_events_http.quick_posts import QuickHandler, Taker


class ImpatientServer(web.Server):
    """``heard`` has to be called for each request; without one a connection lives ``head_s``."""

    def __init__(self, *args: Any, posts: Taker, head_s: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._posts = posts
        self._head_s = head_s
        self._silent: dict[web.RequestHandler, asyncio.TimerHandle] = {}

    def __call__(self) -> web.RequestHandler:
        """Return a handler for a connection."""
        return QuickHandler(self, self._posts, self.heard, loop=self._loop, **self._kwargs)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Begin to wait for the first request."""
        super().connection_made(handler, transport)
        loop = asyncio.get_running_loop()
        self._silent[handler] = loop.call_later(self._head_s, transport.abort)

    def connection_lost(
        self, handler: web.RequestHandler, exc: BaseException | None = None
    ) -> None:
        """Forget a connection."""
        self.heard(handler)
        super().connection_lost(handler, exc)

    def heard(self, handler: web.RequestHandler) -> None:
        """Take note that the head of a request came."""
        if (timer := self._silent.pop(handler, None)) is not None:
            timer.cancel()
