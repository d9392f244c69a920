"""The servers the tests run against, behind one interface; ``STACK`` chooses the back end.

(unset), embedded   Kafka and the ClickHouse engine of ``pipeline.local``, in a temporary directory
containers          server images through testcontainers; skipped where no Docker engine answers
external            servers that run already: KAFKA_BOOTSTRAP, CLICKHOUSE_URL; never stopped
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

import pytest

from pipeline.local.stack import LocalStack


class ClickHouseAddress(NamedTuple):
    """Where ClickHouse's HTTP interface is, as clients take it."""

    host: str
    port: int
    user: str
    password: str

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


class Control(Protocol):
    """Stops and starts one server; same address and data afterwards."""

    def start(self) -> None:
        """Start it and wait until it answers."""

    def stop(self) -> None:
        """Stop it in order."""

    def kill(self) -> None:
        """End it as a crash does."""


class Stack(Protocol):
    """A Kafka and a ClickHouse that answer."""

    @property
    def bootstrap_servers(self) -> str: ...

    @property
    def clickhouse_address(self) -> ClickHouseAddress: ...

    @property
    def clickhouse_url(self) -> str: ...

    @property
    def kafka(self) -> Control: ...

    @property
    def clickhouse(self) -> Control: ...


class EmbeddedStack:
    """The local stack itself."""

    def __init__(self, local: LocalStack) -> None:
        self.kafka: Control = local.kafka
        self.clickhouse: Control = local.clickhouse
        self._local = local

    @property
    def bootstrap_servers(self) -> str:
        return self._local.kafka.bootstrap_servers

    @property
    def clickhouse_address(self) -> ClickHouseAddress:
        server = self._local.clickhouse
        return ClickHouseAddress(server.host, server.port, server.user, server.password)

    @property
    def clickhouse_url(self) -> str:
        return self.clickhouse_address.url


class ExternalStack:
    """Servers somebody else runs."""

    def __init__(self, bootstrap_servers: str, clickhouse_url: str) -> None:
        parts = urlsplit(clickhouse_url)
        self.bootstrap_servers = bootstrap_servers
        self.clickhouse_address = ClickHouseAddress(
            parts.hostname or "localhost",
            parts.port or 8123,
            unquote(parts.username or "default"),
            unquote(parts.password or ""),
        )
        self.clickhouse_url = self.clickhouse_address.url
        self.kafka: Control = NotOurs("Kafka")
        self.clickhouse: Control = NotOurs("ClickHouse")


class NotOurs:
    """A server that tests must leave alone: a test that would stop it is skipped."""

    def __init__(self, title: str) -> None:
        self._title = title

    def start(self) -> None:
        self._skip()

    def stop(self) -> None:
        self._skip()

    def kill(self) -> None:
        self._skip()

    def _skip(self) -> None:
        pytest.skip(f"{self._title} of STACK=external is not ours to stop")


@contextmanager
def open_stack(data_dir: Path) -> Iterator[Stack]:
    """Start the chosen back end; stop at the end what was started here."""
    choice = os.environ.get("STACK") or "embedded"
    if choice == "embedded":
        with LocalStack(data_dir) as local:
            yield EmbeddedStack(local)
    elif choice == "containers":
        from tests.support.container_stack import container_stack  # noqa: PLC0415  # needs Docker

        with container_stack() as stack:
            yield stack
    elif choice == "external":
        yield ExternalStack(os.environ["KAFKA_BOOTSTRAP"], os.environ["CLICKHOUSE_URL"])
    else:
        raise pytest.UsageError(f"STACK={choice} is none of embedded, containers, external.")
