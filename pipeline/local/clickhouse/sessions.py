"""Connections as requests see them: their settings and database, and sessions kept by name."""

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from pipeline.local.clickhouse.engine import Connection
from pipeline.local.clickhouse.errors import ClickHouseError

MAX_TIMEOUT_S: Final = 3600.0
"""The server's ``max_session_timeout``."""

_SETTING: Final = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)


class Session:
    """One connection. A request's settings and database hold for that request only.

    They are laid over what SET and USE made of the connection, and stay until a request wants
    others: a client that sends the same ones each time pays nothing.
    """

    def __init__(self, connection: Connection, *, lasting: bool = False) -> None:
        self.connection = connection
        self.in_use = threading.Lock()
        self.expires_s = 0.0
        self._lasting = lasting
        self._over: dict[str, str] = {}
        self._under: dict[str, str | None] = {}
        self._database = self._own_database = "default"

    def overlay(self, settings: Mapping[str, str], database: str | None) -> None:
        """Make a request's settings and database hold; raises the server's errors for bad ones."""
        for name in self._over.keys() - settings.keys():
            self._set(name, self._under[name])
            del self._over[name]
        for name, value in settings.items():
            if self._over.get(name) != value:
                self._lay(name, value)
        wanted = database or self._own_database
        if wanted != self._database:
            self._run(f"USE {_quoted(wanted, '`')}")
            self._database = wanted

    def changed(self) -> None:
        """Take what a SET or USE did as the connection's own state."""
        self._under.clear()
        self._own_database = self._database = self._run("SELECT currentDatabase()").rstrip("\n")

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def _lay(self, name: str, value: str) -> None:
        if not _SETTING.match(name):
            raise ClickHouseError(115, "UNKNOWN_SETTING", f"Unknown setting '{name}'.")
        if self._lasting and name not in self._under:
            self._under[name] = self._value_under(name)
        self._set(name, value)
        self._over[name] = value

    def _value_under(self, name: str) -> str | None:
        ask = f"SELECT value FROM system.settings WHERE changed AND name = {_quoted(name)}"  # noqa: S608  # quoted
        found = self._run(f"{ask} FORMAT RawBLOB")
        return found or None

    def _set(self, name: str, value: str | None) -> None:
        self._run(f"SET {name} = {'DEFAULT' if value is None else _quoted(value)}")

    def _run(self, sql: str) -> str:
        try:
            result = self.connection.query(sql, "TSVRaw")
        except RuntimeError as error:
            raise ClickHouseError.of_engine(error) from None
        return str(result.bytes().decode()) if result.size() else ""


class Sessions:
    """Sessions by name, until their time-out; and unnamed ones for a single request."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._named: dict[str, Session] = {}
        self._guard = threading.Lock()

    @contextmanager
    def session(
        self, name: str | None, timeout_s: float = 60.0, *, must_exist: bool = False
    ) -> Iterator[Session]:
        """Lend a session to one request; raises SESSION_IS_LOCKED while another has it."""
        if name is None:
            single = Session(self._connect())
            try:
                yield single
            finally:
                single.close()
            return
        session = self._take(name, must_exist=must_exist)
        try:
            yield session
        finally:
            session.expires_s = time.monotonic() + min(timeout_s, MAX_TIMEOUT_S)
            session.in_use.release()

    def close(self) -> None:
        """Close every session nobody uses."""
        with self._guard:
            for session in self._named.values():
                if session.in_use.acquire(blocking=False):
                    session.close()
            self._named.clear()

    def _take(self, name: str, *, must_exist: bool) -> Session:
        with self._guard:
            self._expire()
            session = self._named.get(name)
            if session is None:
                if must_exist:
                    raise ClickHouseError(372, "SESSION_NOT_FOUND", "Session not found.")
                session = self._named[name] = Session(self._connect(), lasting=True)
            if not session.in_use.acquire(blocking=False):
                text = "Session is locked by a concurrent client."
                raise ClickHouseError(373, "SESSION_IS_LOCKED", text)
            return session

    def _expire(self) -> None:
        now = time.monotonic()
        for name, session in list(self._named.items()):
            if session.expires_s < now and session.in_use.acquire(blocking=False):
                del self._named[name]
                session.close()


def _quoted(text: str, quote: str = "'") -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, f"\\{quote}") + quote
