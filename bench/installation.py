"""A Kafka and a ClickHouse of the benchmark's own, with topics and tables."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.app.commands.tables import migrate
from pipeline.app.commands.topics import create
from pipeline.app.settings import PREFIX, Settings
from pipeline.local.stack import LocalStack


class Installation(NamedTuple):
    """Settings for everything in this process, and the environment of stage processes."""

    settings: Settings
    environment: dict[str, str]


@contextmanager
def installation(data_dir: Path, say: Callable[[str], None]) -> Iterator[Installation]:
    """Start the servers; stop them at the end."""
    with LocalStack(data_dir, say=say) as stack:
        values: dict[str, Any] = {
            "kafka_bootstrap": stack.kafka.bootstrap_servers,
            "replication_factor": 1,
            "clickhouse_host": stack.clickhouse.host,
            "clickhouse_port": stack.clickhouse.port,
            "log_level": "warning",
            "spool_dir": data_dir,
            "feeds": ("web_logs",),
        }
        settings = Settings(**values)
        create(settings, quiet=True)
        migrate(settings, quiet=True)
        yield Installation(settings, _variables(values))


def varied(installed: Installation, **values: Any) -> Installation:
    """Return the same servers with other settings."""
    return Installation(
        installed.settings.model_copy(update=values),
        {**installed.environment, **_variables(values)},
    )


def _variables(values: dict[str, Any]) -> dict[str, str]:
    return {
        f"{PREFIX}{name.upper()}": json.dumps(value) if isinstance(value, tuple) else str(value)
        for name, value in values.items()
    }
