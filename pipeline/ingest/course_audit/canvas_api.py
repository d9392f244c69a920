"""Asking Canvas: paced, patient, and clear about whose fault an answer is.

throttled (429, or 403 with Canvas's own text)   wait, ask again, for as long as it takes
5xx, dropped, cut or unreadable answers          ask again a few times, then ``Failing``
401 or 403 without permission                    ``Refused``
404                                              ``Gone``
a token that Canvas does not know                OurMistake
"""

import asyncio
import contextlib
import random
import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple, TypeVar

import aiohttp
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential_jitter,
)
from yarl import URL

from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import MICROS
from pipeline.ingest.course_audit.options import AuditOptions
from pipeline.ingest.course_audit.pace import Pace
from pipeline.ingest.tools import AgentTools

ACCEPT: Final = "application/json+canvas-string-ids"
"""Ids as texts: JavaScript-like clients lose digits of ids of foreign shards."""

LARGEST_ANSWER: Final = 64 << 20
LONGEST_WAIT_S: Final = 300.0

_THROTTLED: Final = b"rate limit exceeded"
_NEXT: Final = re.compile(r'<([^<>]+)>\s*;[^,]*?\brel\s*=\s*"?next\b"?', re.IGNORECASE)

Read = TypeVar("Read")


class Failing(Exception):
    """Canvas goes on failing to answer one question."""


class Refused(Exception):
    """The token may not see this."""


class Gone(Exception):
    """Canvas has no such thing."""


class Stopping(Exception):
    """The process was asked to end."""


class _Again(Exception):
    """Worth another attempt."""


class Answer(NamedTuple):
    """What a question gave, and where the next page is."""

    body: bytes
    next: URL | None


class CanvasApi:
    """One client session; one request at a time."""

    def __init__(
        self, session: aiohttp.ClientSession, options: AuditOptions, tools: AgentTools
    ) -> None:
        self._session = session
        self._options = options
        self._base = URL(options.url)
        self._pace = Pace(options.requests_per_hour)
        self._requests = tools.figures.requests
        self._stopping = tools.stopping
        self._clock = tools.clock

    def url(self, path: str, parameters: Mapping[str, str]) -> URL:
        """Return the address of a path of the API."""
        return (self._base / "api/v1" / path).with_query(parameters)

    async def get(self, url: URL, read: Callable[[Answer], Read]) -> Read:
        """Return what ``read`` makes of the answer; a ValueError of it means ask again.

        Raises Failing, Refused, Gone, Stopping, OurMistake.
        """

        async def attempt() -> Read:
            try:
                return read(await self._answer(url))
            except ValueError as error:
                self._requests["unreadable"] += 1
                raise _Again(str(error)) from None

        first_s = self._options.first_wait_s
        try:
            return await AsyncRetrying(
                retry=retry_if_exception_type(_Again),
                stop=stop_after_attempt(self._options.retries),
                wait=wait_exponential_jitter(multiplier=first_s, jitter=first_s, max=30.0),
                sleep=self._sleep,
                reraise=True,
            )(attempt)
        except _Again as error:
            raise Failing(f"{url.path}: {error}") from None

    async def wait(self, seconds: float) -> None:
        """Wait; raise Stopping as soon as the process is asked to end."""
        await self._sleep(seconds)

    async def _sleep(self, seconds: float) -> None:
        if not self._stopping.is_set() and seconds > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
        if self._stopping.is_set():
            raise Stopping

    async def _answer(self, url: URL) -> Answer:
        loop = asyncio.get_running_loop()
        wait_s = 10 * self._options.first_wait_s
        while True:
            await self._sleep(self._pace.take(loop.time()))
            try:
                async with self._session.get(url, allow_redirects=False) as response:
                    body = await _body(response)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self._requests["failed"] += 1
                raise _Again(f"no whole answer ({type(error).__name__})") from None
            remaining = _number(response.headers.get("X-Rate-Limit-Remaining"))
            if remaining is not None:
                self._pace.saw_remaining(remaining, loop.time())
            if not _is_throttled(response.status, body):
                return self._judged(url, response, body)
            self._requests["throttled"] += 1
            said = _number(response.headers.get("Retry-After"))
            await self._sleep(min(said or wait_s * random.uniform(0.5, 1.5), LONGEST_WAIT_S))  # noqa: S311
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def _judged(self, url: URL, response: aiohttp.ClientResponse, body: bytes) -> Answer:
        match response.status:
            case 200:
                self._requests["ok"] += 1
                self._check_clock(response.headers.get("Date"))
                return Answer(body, self._next_page(response))
            case 401 if "WWW-Authenticate" in response.headers:
                raise OurMistake(
                    f"{self._base.host} does not take the access token: it is wrong, expired or "
                    "deleted; set CANVAS_TELEMETRY_AUDIT_TOKEN to another"
                )
            case 401 | 403:
                self._requests["refused"] += 1
                raise Refused(url.path)
            case 404:
                self._requests["gone"] += 1
                raise Gone(url.path)
            case status if status >= 500 or status in {408, 425}:
                self._requests["failed"] += 1
                raise _Again(f"status {status}")
            case status:
                raise OurMistake(
                    f"{self._base.host} answers {url.path} with status {status}: is "
                    "CANVAS_TELEMETRY_AUDIT_URL the address of a Canvas instance?"
                )

    def _check_clock(self, said: str | None) -> None:
        """Refuse a clock that runs ahead: the next round would begin behind unseen events."""
        try:
            theirs = parsedate_to_datetime(said or "").timestamp()
        except ValueError:
            return
        ahead_s = self._clock() / MICROS - theirs
        if ahead_s > self._options.overlap / MICROS / 2:
            raise OurMistake(
                f"the clock of this machine is {ahead_s:,.0f} s ahead of {self._base.host}'s: "
                "events would be left out; set it right"
            )

    def _next_page(self, response: aiohttp.ClientResponse) -> URL | None:
        """Return the next page on the host that the token is for, whatever the link says."""
        for header in response.headers.getall("Link", ()):
            if found := _NEXT.search(header):
                link = URL(found[1], encoded=True)
                origin = self._base.origin()
                return URL(f"{origin}{link.raw_path_qs}", encoded=True)
        return None


async def _body(response: aiohttp.ClientResponse) -> bytes:
    pieces = []
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > LARGEST_ANSWER:
            raise aiohttp.ClientPayloadError(f"more than {LARGEST_ANSWER} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def _is_throttled(status: int, body: bytes) -> bool:
    return status == 429 or (status == 403 and _THROTTLED in body[:1000].lower())


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < 1e9 else None
