"""Runs the ClickHouse engine (chDB) behind its HTTP protocol as a process of its own."""

import http.client
import os
import sys
from http import HTTPStatus
from pathlib import Path
from typing import ClassVar

from pipeline.local.server import Command, Server

_PROJECT = Path(__file__).parents[2]


class ClickHouseServer(Server):
    """The owner of one ClickHouse database directory; everybody else talks HTTP to it."""

    title: ClassVar[str] = "ClickHouse"
    port_names: ClassVar[tuple[str, ...]] = ("http",)
    user: ClassVar[str] = "default"
    password: ClassVar[str] = ""

    @property
    def url(self) -> str:
        """``http://host:port``, as HTTP clients take it."""
        return f"http://{self.host}:{self.port}"

    def command(self) -> Command:
        """Return the command of the engine's process."""
        where = ["--path", str(self.data_dir / "data"), "--port", str(self.port)]
        search = os.pathsep.join([str(_PROJECT), os.environ.get("PYTHONPATH", "")])
        module = [sys.executable, "-m", "pipeline.local.clickhouse"]
        return Command([*module, *where], {"PYTHONPATH": search.rstrip(os.pathsep)})

    def answers(self) -> bool:
        """Whether the engine is open and its HTTP front answers."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=2)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
