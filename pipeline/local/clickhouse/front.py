"""ClickHouse's HTTP interface over the engine."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from pipeline.local.clickhouse.encoding import Encoder, encoder
from pipeline.local.clickhouse.engine import Engine
from pipeline.local.clickhouse.errors import ClickHouseError
from pipeline.local.clickhouse.execution import Answer, Query, execute
from pipeline.local.clickhouse.outlet import Outlet
from pipeline.local.clickhouse.request import Request, read_request
from pipeline.local.clickhouse.sessions import Sessions

MAX_BODY_BYTES: Final = 1 << 30
QUERIES_AT_ONCE: Final = 16
HELD_BACK_BYTES: Final = 1 << 20
"""As the server's default buffer: an error before that has its own HTTP status."""

_LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
_JSON: Final = "application/json; charset=UTF-8"
_BINARY: Final = "application/octet-stream"
_CONTENT_TYPES: Final = {
    **dict.fromkeys(("JSON", "JSONCompact", "JSONStrings"), _JSON),
    **dict.fromkeys(("Native", "RowBinary", "Arrow", "ArrowStream", "Parquet", "Avro"), _BINARY),
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
}
_TSV: Final = "text/tab-separated-values; charset=UTF-8"


class Begin(NamedTuple):
    """The first bytes of a streamed result."""

    format: str
    body: bytes
    complete: bool


class Front:
    """Answers HTTP requests; every query runs in a thread of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions = Sessions(engine.connect)
        self._threads = ThreadPoolExecutor(QUERIES_AT_ONCE, "query")

    def application(self) -> web.Application:
        """Return the web application."""
        application = web.Application(
            client_max_size=MAX_BODY_BYTES, middlewares=[_only_this_machine]
        )
        application.router.add_get("/ping", _ping)
        application.router.add_route("*", "/", self._handle)
        return application

    def close(self) -> None:
        """End running queries and close every connection."""
        self._engine.cancel_all()
        self._threads.shutdown()
        self._sessions.close()

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        headers = {
            "X-ClickHouse-Timezone": self._engine.timezone,
            "X-ClickHouse-Server-Display-Name": "canvas-telemetry local",
        }
        try:
            request = await read_request(http)
            headers["X-ClickHouse-Query-Id"] = request.query_id
            if request.query is None:
                return web.Response(text="Ok.\n", headers=headers)
            return await self._answer(http, request, request.query, headers)
        except ClickHouseError as error:
            headers["X-ClickHouse-Exception-Code"] = str(error.code)
            text = error.with_version(self._engine.version) + "\n"
            return web.Response(status=error.status, text=text, headers=headers)

    async def _answer(
        self, http: web.Request, request: Request, query: Query, headers: dict[str, str]
    ) -> web.StreamResponse:
        outlet = Outlet()
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._threads, self._run, request, query, outlet)
        running.add_done_callback(_retrieve)
        running.add_done_callback(outlet.end)
        name, body = encoder(request.accepted_encodings)
        try:
            begin = await _begin(outlet)
            if begin.complete:
                answer = await running or Answer(begin.format, "{}", begin.body)
                return _whole(answer, headers, name, body)
            if name:
                headers["Content-Encoding"] = name
            headers["X-ClickHouse-Exception-Tag"] = secrets.token_hex(8)
            response = web.StreamResponse(headers=headers | _format_headers(begin.format))
            response.enable_chunked_encoding()
            await response.prepare(http)
            await self._stream(response, begin.body, outlet, body, running)
            return response
        finally:
            outlet.close()

    async def _stream(
        self,
        response: web.StreamResponse,
        begin: bytes,
        outlet: Outlet,
        body: Encoder,
        running: "asyncio.Future[Answer | None]",
    ) -> None:
        await response.write(body.add(begin))
        while (piece := await outlet.get()) is not None:
            await response.write(body.add(piece[1]))
        try:
            await running
        except ClickHouseError as error:
            message = error.with_version(self._engine.version)
            tag = response.headers["X-ClickHouse-Exception-Tag"]
            await response.write(body.add(_exception_block(message, tag)))
        await response.write(body.end())
        await response.write_eof()

    def _run(self, request: Request, query: Query, outlet: Outlet) -> Answer | None:
        with self._sessions.session(
            request.session_id, request.session_timeout_s, must_exist=request.session_must_exist
        ) as session:
            return execute(session, query, outlet.put)


async def _begin(outlet: Outlet) -> Begin:
    """Collect the result until it is complete or too large to hold back."""
    form, pieces, size = "", [], 0
    while (piece := await outlet.get()) is not None:
        form = piece[0]
        pieces.append(piece[1])
        size += len(piece[1])
        if size > HELD_BACK_BYTES:
            return Begin(form, b"".join(pieces), complete=False)
    return Begin(form, b"".join(pieces), complete=True)


def _whole(
    answer: Answer, headers: dict[str, str], name: str | None, body: Encoder
) -> web.Response:
    """Return a result at once."""
    headers["X-ClickHouse-Summary"] = answer.summary
    if answer.format:
        headers |= _format_headers(answer.format)
    if not answer.body:
        return web.Response(headers=headers)
    if name:
        headers["Content-Encoding"] = name
    return web.Response(body=body.add(answer.body) + body.end(), headers=headers)


def _format_headers(form: str) -> dict[str, str]:
    return {"X-ClickHouse-Format": form, "Content-Type": _CONTENT_TYPES.get(form, _TSV)}


def _exception_block(message: str, tag: str) -> bytes:
    """Return an error in the middle of a result, as the server writes it since 25.11."""
    text = message.encode() + b"\n"
    mark = tag.encode()
    return b"\r\n__exception__\r\n%b\r\n%b%d %b\r\n__exception__\r\n" % (
        mark,
        text,
        len(text),
        mark,
    )


def _retrieve(running: "asyncio.Future[Answer | None]") -> None:
    """Take the outcome of a query whose client has gone."""
    if not running.cancelled():
        running.exception()


async def _ping(_http: web.Request) -> web.Response:
    return web.Response(text="Ok.\n")


@web.middleware
async def _only_this_machine(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a web page in the user's browser could send to an open local port."""
    origin = request.headers.get("Origin")
    names = [urlsplit(f"//{request.host}").hostname]
    if origin is not None:
        names.append(urlsplit(origin).hostname)
    if any(name not in _LOOPBACK for name in names):
        return web.Response(status=403, text="Only this machine may ask.\n")
    return await handler(request)
