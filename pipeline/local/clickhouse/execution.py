"""Runs one query on a session: inline INSERT, streamed SELECT, or anything else at once."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pipeline.local.clickhouse.errors import ClickHouseError, read_only, syntax_error
from pipeline.local.clickhouse.sessions import Session
from pipeline.local.clickhouse.statement import InlineInsert, read_statement, split_insert

STREAMABLE: Final = (
    *("Native", "RowBinary", "JSONEachRow", "JSONCompactEachRow"),
    *("TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw", "CSV"),
)
"""Formats without head or foot: the engine's chunks, end to end, are the whole result."""

_SCOPE: Final = ": In scope SELECT formatQuery("
_CHUNK_BYTES: Final = 8 * 1024 * 1024
_SESSION_VERBS: Final = (b"SET", b"USE")


@dataclass(frozen=True, slots=True)
class Query:
    """What a request asks for. ``sql`` may hold inline data; ``parameters`` are ``{name:Type}``."""

    sql: bytes
    settings: Mapping[str, str]
    parameters: Mapping[str, str]
    database: str | None
    default_format: str
    read_only: bool
    at_once: bool


class Answer(NamedTuple):
    """The result of a query that was not streamed; ``format`` None: no rows come back."""

    format: str | None
    summary: str
    body: bytes


Emit = Callable[[str, bytes], None]
"""Takes (format, chunk) of a streamed result; raises to stop it."""


def execute(session: Session, query: Query, emit: Emit) -> Answer | None:
    """Run the query; None when its result went through ``emit``. Raises ClickHouseError."""
    try:
        insert = split_insert(query.sql)
        if insert is not None and not (query.parameters and insert.format == "Values"):
            return _insert(session, query, insert)
        return _other(session, query, emit)
    except RuntimeError as error:
        raise ClickHouseError.of_engine(error) from None


def _insert(session: Session, query: Query, insert: InlineInsert) -> Answer:
    if query.read_only:
        raise read_only()
    session.overlay(query.settings, query.database)
    connection = session.connection
    # a line break ends a comment at the end of the head; the engine adds its FORMAT there
    writer = connection.send_insert(insert.head + "\n", insert.format)
    try:
        for start in range(0, len(insert.data), _CHUNK_BYTES):
            connection.insert_append(writer, bytes(insert.data[start : start + _CHUNK_BYTES]))
        return Answer(None, _summary(connection.insert_done(writer)), b"")
    except RuntimeError:
        connection.insert_cancel(writer)
        raise


def _other(session: Session, query: Query, emit: Emit) -> Answer | None:
    statement = read_statement(query.sql)
    sql = query.sql.decode(errors="replace")
    of_session = statement.verb in _SESSION_VERBS
    _guard(session, sql, may_write=not query.read_only or of_session)
    if of_session:
        session.overlay({}, None)
    else:
        session.overlay(query.settings, query.database)
    form = statement.format or query.default_format
    if statement.selects and form in STREAMABLE and not query.at_once:
        _stream(session, query, sql, form, emit)
        return None
    result = session.connection.query(sql, form, params=dict(query.parameters))
    if of_session:
        session.changed()
    body = bytes(result.bytes()) if result.size() else b""
    return Answer(form if statement.has_result or body else None, _summary(result), body)


def _guard(session: Session, sql: str, *, may_write: bool) -> None:
    """Refuse what the engine would run in part: it runs a batch statement by statement."""
    facts = session.connection.classify_query(sql)
    if facts["statement_count"] == 0:
        raise syntax_error(_why_unparsed(session, sql))
    if facts["statement_count"] > 1:
        raise syntax_error("Multi-statements are not allowed.")
    if not may_write and facts["query_class"].name != "READ_ONLY":
        raise read_only()


def _why_unparsed(session: Session, sql: str) -> str:
    """Return the parser's complaint, without running anything."""
    text = sql.replace("\\", "\\\\").replace("'", "\\'")
    try:
        session.connection.query(f"SELECT formatQuery('{text}')", "Null")
    except RuntimeError as error:
        said = str(error).partition(_SCOPE)[0]
        return said.partition("DB::Exception: ")[2] or said
    return "The statement cannot be parsed."


def _stream(session: Session, query: Query, sql: str, form: str, emit: Emit) -> None:
    connection = session.connection
    stream = connection.send_query(sql, form, params=dict(query.parameters))
    try:
        while (chunk := connection.streaming_fetch_result(stream)) and chunk.size():
            emit(form, bytes(chunk.bytes()))
    except BaseException:
        connection.streaming_cancel_query(stream)
        raise


def _summary(result: Any) -> str:
    """Return the X-ClickHouse-Summary header of the engine's result."""
    counts = {
        "read_rows": result.rows_read(),
        "read_bytes": result.bytes_read(),
        "written_rows": result.rows_written(),
        "written_bytes": result.bytes_written(),
        "elapsed_ns": int(result.elapsed() * 1_000_000_000),
    }
    return json.dumps({name: str(count) for name, count in counts.items()})
