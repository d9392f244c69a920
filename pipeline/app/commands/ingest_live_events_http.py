"""``ingest live-events-http``."""

import asyncio

from pipeline.app.agents.live_events_http import ingest_live_events_http
from pipeline.app.logs import set_up_logs
from pipeline.app.settings import load_settings


def serve() -> None:
    """Take Live Events that Canvas posts, until a signal ends it."""
    settings = load_settings()
    set_up_logs(settings)
    asyncio.run(ingest_live_events_http(settings))
