"""A Kafka of the measurement's own with the catalogue's topics; no ClickHouse."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.installation import Installation
from pipeline.app.commands.topics import create
from pipeline.app.settings import PREFIX, Settings
from pipeline.local.jars import fetch_jars
from pipeline.local.kafka_broker import KafkaBroker


@contextmanager
def kafka_alone(data_dir: Path, **more: Any) -> Iterator[Installation]:
    """Start the broker, create the topics; stop it at the end."""
    with KafkaBroker(data_dir / "kafka", fetch_jars) as broker:
        values: dict[str, Any] = {
            "kafka_bootstrap": broker.bootstrap_servers,
            "replication_factor": 1,
            "feeds": ("web_logs",),
            "web_logs_delay_s": 60,
            **more,
        }
        settings = Settings(**values)
        create(settings, quiet=True)
        environment = {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items()}
        environment[f"{PREFIX}FEEDS"] = '["web_logs"]'
        yield Installation(settings, {**os.environ, **environment})
