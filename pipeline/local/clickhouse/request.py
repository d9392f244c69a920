"""Turns an HTTP request into a Query, by the rules of ClickHouse's HTTP interface."""

import base64
import binascii
import uuid
from typing import Final, NamedTuple

from aiohttp import web

from pipeline.local.clickhouse.encoding import decode
from pipeline.local.clickhouse.errors import ClickHouseError, not_implemented
from pipeline.local.clickhouse.execution import Query

USER: Final = "default"

_TRANSPORT: Final = frozenset(
    [
        "add_http_cors_header",
        "buffer_size",
        "cancel_http_readonly_queries_on_client_close",
        "client_protocol_version",
        "compress",
        "database",
        "decompress",
        "default_format",
        "enable_http_compression",
        "http_headers_progress_interval_ms",
        "http_response_buffer_size",
        "http_wait_end_of_query",
        "http_write_exception_in_output_format",
        "http_zlib_compression_level",
        "password",
        "query",
        "query_id",
        "quota_key",
        "role",
        "send_progress_in_http_headers",
        "session_check",
        "session_id",
        "session_timeout",
        "stacktrace",
        "user",
        "wait_end_of_query",
    ]
)
"""Parameters that are about the transport; every other one is a setting of the query."""

_PARAMETER: Final = "param_"


class Request(NamedTuple):
    """A query and how its answer shall travel."""

    query: Query | None
    query_id: str
    session_id: str | None
    session_timeout_s: float
    session_must_exist: bool
    accepted_encodings: str


async def read_request(http: web.Request) -> Request:
    """Read parameters, headers and body; raises ClickHouseError for what the server refuses."""
    given = dict(http.query)
    body = b""
    if http.method == "POST":
        body = await _body(http, given)
    _authenticate(http, given)
    _refuse_native_compression(given)
    timeout = given.get("session_timeout", "60")
    if not timeout.isdigit():
        text = f"Invalid session timeout: '{timeout}'."
        raise ClickHouseError(374, "INVALID_SESSION_TIMEOUT", text)
    compress = given.get("enable_http_compression") == "1"
    return Request(
        query=_query(http, given, body),
        query_id=given.get("query_id") or str(uuid.uuid4()),
        session_id=given.get("session_id") or None,
        session_timeout_s=float(timeout),
        session_must_exist=given.get("session_check") == "1",
        accepted_encodings=http.headers.get("Accept-Encoding", "") if compress else "",
    )


def _query(http: web.Request, given: dict[str, str], body: bytes) -> Query | None:
    first = given.get("query", "").encode()
    sql = first + b"\n" + body if first and body else first or body
    if not sql:
        return None
    headers = http.headers
    return Query(
        sql=sql,
        settings={
            name: value
            for name, value in given.items()
            if name not in _TRANSPORT and not name.startswith(_PARAMETER)
        },
        parameters={
            name.removeprefix(_PARAMETER): value
            for name, value in given.items()
            if name.startswith(_PARAMETER)
        },
        database=given.get("database") or headers.get("X-ClickHouse-Database") or None,
        default_format=given.get("default_format")
        or headers.get("X-ClickHouse-Format")
        or "TabSeparated",
        read_only=http.method != "POST",
        at_once=given.get("wait_end_of_query") == "1",
    )


async def _body(http: web.Request, given: dict[str, str]) -> bytes:
    """Return the body; the fields of a form become parameters instead."""
    if not http.content_type.startswith("multipart/"):
        return decode(await http.read(), http.headers.get("Content-Encoding"))
    for name, value in (await http.post()).items():
        if not isinstance(value, str):
            raise not_implemented("External data tables are not supported by the local engine.")
        given[name] = value
    return b""


def _authenticate(http: web.Request, given: dict[str, str]) -> None:
    user, password = given.get("user"), given.get("password")
    user = http.headers.get("X-ClickHouse-User", user)
    password = http.headers.get("X-ClickHouse-Key", password)
    basic = http.headers.get("Authorization", "")
    if basic.startswith("Basic "):
        try:
            user, _, password = base64.b64decode(basic[6:]).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user = ""
    if (user or USER, password or "") != (USER, ""):
        text = (
            f"{user or USER}: Authentication failed: password is incorrect, "
            "or there is no user with such name."
        )
        raise ClickHouseError(516, "AUTHENTICATION_FAILED", text)


def _refuse_native_compression(given: dict[str, str]) -> None:
    if given.get("compress") == "1" or given.get("decompress") == "1":
        text = "compress/decompress are not supported by the local engine; use Content-Encoding."
        raise not_implemented(text)
