"""Starts and stops Kafka and ClickHouse together, in one data directory."""

from pathlib import Path
from typing import Self

from pipeline.local.clickhouse_server import ClickHouseServer
from pipeline.local.jars import fetch_jars
from pipeline.local.kafka_broker import KafkaBroker
from pipeline.local.server import Say


class LocalStack:
    """Kafka and ClickHouse of one data directory; each can also be stopped and started alone.

    Data, ports and topics survive a restart. ``say`` gets a line for whatever a person should
    know: what a killed run left behind, a port that had to change, jars being fetched.
    """

    def __init__(
        self,
        data_dir: Path,
        kafka_port: int | None = None,
        clickhouse_port: int | None = None,
        *,
        jars_dir: Path | None = None,
        say: Say | None = None,
    ) -> None:
        self._jars_dir = jars_dir
        self._say: Say = say or (lambda _line: None)
        self.kafka = KafkaBroker(data_dir / "kafka", self._jars, kafka_port, say)
        self.clickhouse = ClickHouseServer(data_dir / "clickhouse", clickhouse_port, say)

    def start(self) -> None:
        """Start both side by side and wait until both answer; stops both if one cannot."""
        servers = (self.clickhouse, self.kafka)  # Kafka's launch waits for jars and format
        try:
            for server in servers:
                server.launch()
            for server in servers:
                server.wait_ready()
        except BaseException:
            self.stop()
            raise

    def check(self) -> None:
        """Raise LocalStackError if one of them has ended by itself."""
        self.kafka.check()
        self.clickhouse.check()

    def stop(self) -> None:
        """Stop both in order; data and ports stay."""
        self.kafka.ask_to_stop()
        self.clickhouse.ask_to_stop()
        self.kafka.stop()
        self.clickhouse.stop()

    def kill(self) -> None:
        """End both at once, as a crash does."""
        self.kafka.kill()
        self.clickhouse.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _jars(self) -> list[Path]:
        return fetch_jars(cache_dir=self._jars_dir, progress=self._fetched)

    def _fetched(self, done: int, total: int) -> None:
        if done in (1, total) or done % 10 == 0:
            self._say(f"Kafka: fetched {done} of {total} jars")
