"""The input: a simulated university's web_logs as DAP export files, and onto Kafka."""

import asyncio
from pathlib import Path
from typing import Final

from pipeline.app.ingesting import ingest_files
from pipeline.app.settings import Settings
from pipeline.domain.event_time import HOUR
from pipeline.domain.feeds import WEB_LOGS
from pipeline.ingest.totals import IngestTotals
from pipeline.simulator.config import DEFAULT_START_US, SimulationConfig
from pipeline.simulator.files import simulate
from pipeline.simulator.summary import SimulationSummary

HOURS: Final = 8
START_US: Final = DEFAULT_START_US + 8 * HOUR
"""Two DAP windows of a weekday, 08:00 to 16:00: density matters, for a delta is per minute."""

ROWS_PER_USER: Final = 62.0
"""web_logs rows of a simulated person in these hours, attacks included."""

WEB_LOGS_DIR: Final = "web_logs"


def simulate_day(rows: int, out: Path) -> SimulationSummary:
    """Write about so many web_logs rows of one weekday, and the Live Events that match them."""
    users = round(rows / ROWS_PER_USER)
    config = SimulationConfig(users=users, hours=HOURS, start_us=START_US)
    return simulate(config, out, lambda _hours: None)


def ingest(settings: Settings, files: Path) -> IngestTotals:
    """Publish the web_logs files as ``ingest web-logs-files`` does."""
    return asyncio.run(ingest_files(settings, WEB_LOGS, [str(files / WEB_LOGS_DIR)]))
