"""A Canvas instance as far as the Course Audit API goes, over the wire.

It does what makes the real one hard: an account's log leaves out its sub-accounts, times are shown
to the second and with an offset, pages go newest first, and their bookmark is the second alone, so
that turning a page skips what else happened in it.
"""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

from aiohttp import web

SECOND = 1_000_000
TOKEN = "the-token-of-the-test"
OFFSET = timezone(timedelta(hours=-7))
MOST_PER_PAGE = 100

ANSWERS: dict[str, tuple[int, str, dict[str, str]]] = {
    "throttled by text": (
        403,
        "403 Forbidden (Rate Limit Exceeded)\n",
        {"X-Rate-Limit-Remaining": "0.0"},
    ),
    "throttled by status": (429, "", {"Retry-After": "0.01"}),
    "server error": (502, "<html>Bad Gateway</html>", {}),
    "no json": (200, "<html>Canvas is being updated</html>", {}),
    "no page": (200, '{"message": "hello"}', {}),
}


@dataclass(frozen=True)
class Happened:
    """One event as Canvas stores it; ``at`` in microseconds."""

    id: str
    at: int
    course: int
    account: int
    type: str = "updated"
    data: Any = field(default_factory=lambda: {"name": ["Course 1", "Course 2"]})
    user: int | None = 12
    page_view: str | None = None
    session: str | None = None
    raw: Any = None


@dataclass
class FakeCanvas:
    """What the instance holds, and how it misbehaves.

    ``faults`` are met by one audit request each, first to last, before it is answered; ``parents``
    has every account with the one above it. ``now`` is the time it says it is, in microseconds.
    """

    events: list[Happened] = field(default_factory=list)
    parents: dict[int, int | None] = field(default_factory=lambda: {1: None})
    courses: set[int] | None = None
    faults: list[str] = field(default_factory=list)
    refused: set[int] = field(default_factory=set)
    broken: set[int] = field(default_factory=set)
    token: str = TOKEN
    most_per_page: int = MOST_PER_PAGE
    accounts_per_page: int = 2
    remaining: float = 600.0
    requests: Counter[str] = field(default_factory=Counter)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    url: str = ""
    now: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, *events: Happened) -> None:
        with self._lock:
            self.events.extend(events)

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        app.router.add_get("/api/v1/accounts/{account}", self._account)
        app.router.add_get("/api/v1/accounts/{account}/sub_accounts", self._sub_accounts)
        app.router.add_get("/api/v1/audit/course/{kind}/{id}", self._audit)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response(
                {"errors": [{"message": "Invalid access token."}]},
                status=401,
                headers={"WWW-Authenticate": 'Bearer realm="canvas-lms"'},
            )
        assert "json+canvas-string-ids" in request.headers["Accept"]
        response: web.StreamResponse = await handler(request)
        if isinstance(response, web.Response) and not response.prepared:
            response.headers["X-Rate-Limit-Remaining"] = str(self.remaining)
            response.headers["X-Request-Cost"] = "0.05"
            if self.now is not None:
                response.headers["Date"] = format_datetime(
                    datetime.fromtimestamp(self.now // SECOND, UTC), usegmt=True
                )
        return response

    async def _account(self, request: web.Request) -> web.Response:
        self.requests["accounts"] += 1
        number = self._number(request)
        if number not in self.parents:
            return web.json_response({"errors": [{"message": "not found"}]}, status=404)
        return web.json_response({"id": str(number), "name": "An account"})

    async def _sub_accounts(self, request: web.Request) -> web.Response:
        self.requests["accounts"] += 1
        assert request.query["recursive"] == "true"
        root, page = self._number(request), int(request.query.get("page", "1"))
        size = self.accounts_per_page
        below = [one for one in sorted(self.parents) if one != root and self._is_below(one, root)]
        shown = below[(page - 1) * size : page * size]
        headers = {}
        if page * size < len(below):
            link = request.url.update_query(page=page + 1)
            headers["link"] = f'<{request.url}>; rel="current",<{link}>; rel="next"'
        return web.json_response([{"id": str(one)} for one in shown], headers=headers)

    async def _audit(self, request: web.Request) -> web.StreamResponse:
        self.requests["audit"] += 1
        kind, number = request.match_info["kind"], int(request.match_info["id"])
        self.asked.append((f"{kind}/{number}", dict(request.query)))
        if self.faults:
            return await self._fault(self.faults.pop(0), request)
        if number in self.broken:
            return web.Response(status=500, text="We're sorry, but something went wrong.")
        if number in self.refused:
            body = {"status": "unauthorized", "errors": [{"message": "user not authorized"}]}
            return web.json_response(body, status=401)
        known = self.parents if kind == "accounts" else self.courses
        if known is not None and number not in known:
            return web.json_response({"errors": [{"message": "not found"}]}, status=404)
        return self._page(kind, number, request)

    async def _fault(self, name: str, request: web.Request) -> web.StreamResponse:
        if name in ANSWERS:
            status, text, headers = ANSWERS[name]
            return web.Response(status=status, text=text, headers=headers)
        assert request.transport is not None
        if name == "dropped":
            request.transport.abort()
            return web.Response()
        assert name == "cut"
        response = web.StreamResponse(headers={"Content-Length": "100000"})
        await response.prepare(request)
        await response.write(b'{"events": [')
        request.transport.close()
        return response

    def _page(self, kind: str, number: int, request: web.Request) -> web.Response:
        query = request.query
        start, end = _micros(query["start_time"]), _micros(query["end_time"])
        size = min(int(query.get("per_page", "10")), self.most_per_page)
        with self._lock:
            events = list(self.events)
        found = [
            event
            for event in events
            if (event.account if kind == "accounts" else event.course) == number
            and start <= event.at <= end
        ]
        found.sort(key=lambda event: (-event.at, event.id))
        if bookmark := query.get("page"):
            found = [event for event in found if event.at < int(bookmark.partition(":")[2])]
        shown = found[:size]
        headers = {}
        if len(found) > size:
            edge = shown[-1].at // SECOND * SECOND
            link = request.url.update_query(page=f"bookmark:{edge}").with_host("elsewhere.invalid")
            headers["Link"] = f'<{link}>; rel="next"'
        return web.Response(
            text=json.dumps(document(shown)), headers=headers, content_type="application/json"
        )

    def _number(self, request: web.Request) -> int:
        name = request.match_info["account"]
        return 1 if name == "self" else int(name)

    def _is_below(self, account: int, root: int) -> bool:
        above = self.parents[account]
        return above is not None and (above == root or self._is_below(above, root))


def document(events: list[Happened]) -> dict[str, Any]:
    """Return the compound document of some events."""
    return {
        "links": {"events.course": "https://…/{events.course}", "events.user": None},
        "events": [event.raw or rendered(event) for event in events],
        "linked": {
            "page_views": [
                {"id": event.page_view, "session_id": event.session, "http_method": "put"}
                for event in reversed(events)
                if event.session
            ],
            "courses": [],
            "users": [],
        },
    }


def rendered(event: Happened) -> dict[str, Any]:
    """Return an event as it is shown."""
    shown = datetime.fromtimestamp(event.at // SECOND, UTC).astimezone(OFFSET)
    return {
        "id": event.id,
        "created_at": shown.isoformat(timespec="seconds"),
        "event_type": event.type,
        "event_source": "manual",
        "event_data": event.data,
        "links": {
            "course": str(event.course),
            "user": None if event.user is None else str(event.user),
            "page_view": event.page_view,
            "sis_batch": None,
        },
    }


@asynccontextmanager
async def served(canvas: FakeCanvas) -> AsyncIterator[FakeCanvas]:
    """Serve on a free port of this loop."""
    runner = web.AppRunner(canvas.application(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    canvas.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield canvas
    finally:
        await runner.cleanup()


@contextmanager
def served_beside(canvas: FakeCanvas) -> Iterator[FakeCanvas]:
    """Serve from a thread, for clients that are processes."""
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with served(canvas):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield canvas
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def _micros(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
