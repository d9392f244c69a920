"""What becomes of a post: who may, what it holds, and when Kafka has it as which status."""

import asyncio
from collections.abc import Callable
from typing import Final

import aiohttp
import structlog
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from pipeline.codecs.live_event_rows import RawEvent
from pipeline.domain.errors import Unavailable
from pipeline.ingest.clock import Clock
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.live_batches import LiveBatches, QueueFull
from pipeline.ingest.live_events_http.admission import Admission
from pipeline.ingest.live_events_http.deadlines import Deadlines, NotInTime
from pipeline.ingest.live_events_http.options import EndpointOptions
from pipeline.ingest.live_events_http.signatures import Refused
from pipeline.ingest.live_events_http.signing_keys import KeysAway, SigningKeys

_BROKEN_BODY: Final = (
    web.RequestPayloadError,
    aiohttp.ClientPayloadError,
    HttpProcessingError,
    ConnectionError,
)

Answer = Callable[[int], None]
"""Takes the status of a post, once."""

log = structlog.get_logger(__name__)


class NotReady(Unavailable):
    """No publisher works at present."""


class Posts:
    """Takes posts and counts their outcomes; ``batches`` publishes them, None while Kafka is away.

    Canvas switches a subscription off after too many errors: what cannot be read is a dead letter
    and 2xx, and only what may come right by itself is 503.
    """

    def __init__(
        self, options: EndpointOptions, keys: SigningKeys, figures: AgentFigures, clock: Clock
    ) -> None:
        self.batches: LiveBatches | None = None
        self._options = options
        self._figures = figures
        self._clock = clock
        self._admission = Admission(options, keys)
        self._deadlines = Deadlines(options.answer_s)
        self._open = 0
        self._number = 0

    def knows_path(self, path: str) -> bool:
        """Tell whether posts go to this path, its secret right or wrong."""
        return self._admission.knows_path(path)

    def stop(self) -> None:
        """Watch no deadlines any more."""
        self._deadlines.stop()

    def take(self, path: str, authorization: str, body: bytes, answer: Answer) -> None:
        """Take a post that is whole; ``answer`` is called now or later."""
        if self._open >= self._options.max_posts:
            answer(self._counted(503, "busy"))
            return
        try:
            if len(body) > self._options.max_body_bytes:
                raise web.HTTPRequestEntityTooLarge(self._options.max_body_bytes, len(body))
            self._admission.require_secrets(path, authorization)
            event = self._admission.event_at_once(body, self._clock())
            done = asyncio.ensure_future(self._later(body)) if event is None else self._offer(event)
        except _EXPECTED as error:
            answer(self._counted(*_meaning(error)))
            return
        self._open += 1
        done.add_done_callback(lambda done: answer(self._ended(done)))

    async def receive(self, path: str, request: web.BaseRequest) -> int:
        """Take a post whose body is still under way; return the status."""
        if self._open >= self._options.max_posts:
            return self._counted(503, "busy")
        self._open += 1
        try:
            self._admission.require_secrets(path, request.headers.get(hdrs.AUTHORIZATION, ""))
            await self._later(await self._body(request))
        except TimeoutError:
            return self._counted(408, "slow_body")
        except _EXPECTED as error:
            return self._counted(*_meaning(error))
        finally:
            self._open -= 1
        return self._counted(204, "accepted")

    async def _body(self, request: web.BaseRequest) -> bytes:
        if request.content.is_eof():
            # Some came with their head, and need no timer.
            return await request.read()
        async with asyncio.timeout(self._options.body_s):
            return await request.read()

    async def _later(self, body: bytes) -> None:
        """Publish what a body holds, whatever has to be waited for."""
        await self._offer(await self._admission.event(body, self._clock()))

    def _offer(self, event: bytes) -> "asyncio.Future[None]":
        if self.batches is None:
            raise NotReady("events are not published at present")
        self._number += 1
        done = self.batches.offer(RawEvent(event, f"post {self._number}"))
        self._deadlines.add(done)
        return done

    def _ended(self, done: "asyncio.Future[None]") -> int:
        self._open -= 1
        error = NotReady("stopping") if done.cancelled() else done.exception()
        if error is None:
            return self._counted(204, "accepted")
        if isinstance(error, _EXPECTED):
            return self._counted(*_meaning(error))
        log.error("a post could not be handled", exc_info=error)
        return self._counted(500, "failed")

    def _counted(self, status: int, outcome: str) -> int:
        self._figures.requests[outcome] += 1
        return status


_MEANINGS: Final[tuple[tuple[type[BaseException], int, str], ...]] = (
    (web.HTTPRequestEntityTooLarge, 413, "too_large"),
    (QueueFull, 503, "busy"),
    (KeysAway, 503, "no_keys"),
    (NotReady, 503, "not_ready"),
    (NotInTime, 503, "not_in_time"),
    (Unavailable, 503, "not_published"),
    *((kind, 400, "broken_body") for kind in _BROKEN_BODY),
)
_EXPECTED: Final[tuple[type[BaseException], ...]] = (Refused, *(kind for kind, _, _ in _MEANINGS))


def _meaning(error: BaseException) -> tuple[int, str]:
    """Return the status of an expected error and what it is counted as."""
    if isinstance(error, Refused):
        return 401, f"refused_{error.why}"
    return next((status, name) for kind, status, name in _MEANINGS if isinstance(error, kind))
