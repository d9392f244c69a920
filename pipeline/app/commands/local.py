"""``local up``."""

from pathlib import Path

from pipeline.local.stack import LocalStack
from pipeline.local.up import run_until_signal


def up(data_dir: Path, kafka_port: int | None, clickhouse_port: int | None) -> None:
    """Run a Kafka and a ClickHouse engine until a signal asks to stop."""
    run_until_signal(LocalStack(data_dir, kafka_port, clickhouse_port, say=print))
