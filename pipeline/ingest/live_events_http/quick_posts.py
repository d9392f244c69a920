"""Posts that came whole are answered without a task, a request and a response of their own.

Canvas sends an event in one piece, head and body. What aiohttp's parser made of it goes straight to
the endpoint, the answer straight to the socket. Everything else (a body that is still under way, a
packed one, several posts at once, other methods and paths) goes aiohttp's way on the same
connection: the parser decides what a request is, for both.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final, Protocol

from aiohttp import StreamReader, hdrs, web
from aiohttp.http import RawRequestMessage

from pipeline.ingest.live_events_http.posts import Answer

_NO_MESSAGES: Final[tuple[Sequence[Any], bool, bytes]] = ((), False, b"")


class Taker(Protocol):
    """What takes posts."""

    def knows_path(self, path: str) -> bool:
        """Tell whether posts go to this path."""

    def take(self, path: str, authorization: str, body: bytes, answer: Answer) -> None:
        """Take a whole post; ``authorization`` is the header, ``answer`` takes the status."""


class QuickHandler(web.RequestHandler):
    """A connection; ``heard`` is called when a request came."""

    __slots__ = ("_answered", "_answering", "_heard", "_held", "_posts")

    def __init__(
        self,
        manager: web.Server,
        posts: Taker,
        heard: Callable[["QuickHandler"], None],
        **kwargs: Any,
    ) -> None:
        super().__init__(manager, **kwargs)
        self._posts = posts
        self._heard = heard
        self._answering = False
        self._answered: asyncio.Future[None] | None = None
        self._held = b""
        parser: Any = _Sieve(self._request_parser, self)
        self._request_parser = parser

    def data_received(self, data: bytes) -> None:
        """Read on; what comes before the answer waits for it."""
        if not self._answering:
            super().data_received(data)
        else:
            self.pause_reading()
            self._held += data

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's
        """Close the connection, after the answer if that comes in time."""
        if self._answering:
            self._answered = self._loop.create_future()
            await asyncio.wait((self._answered,), timeout=timeout)
        await super().shutdown(timeout)

    def takes(self, message: RawRequestMessage, payload: StreamReader) -> bool:
        """Take a request if it is a whole post and nothing else is to be answered first."""
        waiter = self._waiter
        if waiter is None or waiter.done() or self._messages or self.writing_paused:
            return False
        if (
            message.method != hdrs.METH_POST
            or message.should_close
            or message.compression is not None
            or message.upgrade
            or not payload.is_eof()
            or payload.exception() is not None
        ):
            return False
        path = message.path.partition("?")[0]
        if not self._posts.knows_path(path):
            return False
        self._heard(self)
        self._stay_open()
        self._answering = True
        authorization = message.headers.get(hdrs.AUTHORIZATION, "")
        self._posts.take(path, authorization, payload.read_nowait(), self._answer)
        return True

    def _answer(self, status: int) -> None:
        self._answering = False
        if self.transport is not None:
            self.transport.write(_head(status, int(time.time())))
        if self._answered is not None:
            self._answered.set_result(None)
        elif self._held:
            held, self._held = self._held, b""
            self.resume_reading()
            self.data_received(held)

    def _stay_open(self) -> None:
        """Put off the end of the connection, as aiohttp does after each answer."""
        loop = self._loop
        self._next_keepalive_close_time = loop.time() + self.keepalive_timeout
        if self._keepalive_handle is None:
            self._keepalive = True
            self._keepalive_handle = loop.call_at(
                self._next_keepalive_close_time, self._process_keepalive
            )


class _Sieve:
    """Stands before aiohttp's parser and keeps from the handler what is taken at once."""

    def __init__(self, parser: Any, handler: QuickHandler) -> None:
        self._parser = parser
        self._handler = handler
        self.set_upgraded = parser.set_upgraded

    def feed_data(self, data: bytes) -> Any:
        found = self._parser.feed_data(data)
        messages, upgraded, _ = found
        if len(messages) == 1 and not upgraded and self._handler.takes(*messages[0]):
            return _NO_MESSAGES
        return found


@lru_cache(maxsize=64)
def _head(status: int, second: int) -> bytes:
    """Return an answer without a body (RFC 9110: one with 204 says no length)."""
    length = "" if status == HTTPStatus.NO_CONTENT else "Content-Length: 0\r\n"
    date = formatdate(second, usegmt=True)
    return f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{length}Date: {date}\r\n\r\n".encode()
