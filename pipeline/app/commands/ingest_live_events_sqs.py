"""``ingest live-events-sqs``."""

import asyncio

from pipeline.app.agents.live_events_sqs import ingest_live_events_sqs
from pipeline.app.logs import set_up_logs
from pipeline.app.settings import load_settings


def run(*, max_bad_share: float | None) -> None:
    """Publish Live Events from the queue, until a signal ends it."""
    settings = load_settings()
    set_up_logs(settings)
    asyncio.run(ingest_live_events_sqs(settings, max_bad_share))
