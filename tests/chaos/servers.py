"""Kafka behind a proxy, and ClickHouse: both can be stopped, killed and started again."""

from pathlib import Path

from pipeline.local.clickhouse_server import ClickHouseServer
from pipeline.local.jars import fetch_jars
from pipeline.local.kafka_broker import KafkaBroker
from pipeline.local.ports import LOOPBACK
from pipeline.local.server import Command
from tests.chaos.proxy import Proxy
from tests.support.stack import ClickHouseAddress, Control


class ProxiedBroker(KafkaBroker):
    """A broker that sends its clients to another port of this machine."""

    def __init__(self, data_dir: Path, front: Proxy) -> None:
        super().__init__(data_dir, fetch_jars)
        self._front = front

    def command(self) -> Command:
        """Write the configuration with the proxy's port as the address that clients learn."""
        command = super().command()
        properties = self.data_dir / "server.properties"
        lines = [
            f"advertised.listeners=PLAINTEXT://{LOOPBACK}:{self._front.port}"
            if line.startswith("advertised.listeners=")
            else line
            for line in properties.read_text(encoding="utf-8").splitlines()
        ]
        properties.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return command


class Servers:
    """A ``Stack`` of its own for one run of faults."""

    def __init__(self, directory: Path) -> None:
        self.proxy = Proxy(lambda: self.broker.port)
        self.broker = ProxiedBroker(directory / "kafka", self.proxy)
        self.engine = ClickHouseServer(directory / "clickhouse")
        self.kafka: Control = self.broker
        self.clickhouse: Control = self.engine

    @property
    def bootstrap_servers(self) -> str:
        return f"{LOOPBACK}:{self.proxy.port}"

    @property
    def clickhouse_address(self) -> ClickHouseAddress:
        engine = self.engine
        return ClickHouseAddress(engine.host, engine.port, engine.user, engine.password)

    @property
    def clickhouse_url(self) -> str:
        return self.clickhouse_address.url

    def start(self) -> None:
        """Start all; the proxy first, for the broker calls itself by its address."""
        self.proxy.start()
        for server in (self.engine, self.broker):
            server.launch()
        for server in (self.engine, self.broker):
            server.wait_ready()

    def stop(self) -> None:
        """End all; data stays."""
        for server in (self.broker, self.engine):
            server.kill()
            server.stop()
        self.proxy.stop()
