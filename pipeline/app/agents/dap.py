"""``ingest dap``, wired: settings in, windows of web_logs out."""

import logging
from datetime import datetime
from typing import Final

import structlog

from pipeline.app.agents.running import run_agent
from pipeline.app.ingesting import PATIENCE_S
from pipeline.app.settings import PREFIX, Settings
from pipeline.domain.errors import SettingsError
from pipeline.domain.event_time import MINUTE
from pipeline.ingest.dap.agent import News, ingest_dap
from pipeline.ingest.dap.cursor import DapCursor
from pipeline.ingest.dap.options import DapOptions
from pipeline.ingest.dap.source import DapAccess, open_source
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.tools import AgentTools

AGENT: Final = "dap"

log = structlog.get_logger(__name__)


async def ingest_from_dap(
    settings: Settings, *, options: DapOptions, figures: AgentFigures
) -> DapCursor | None:
    """Publish windows until a signal ends it, or one with ``options.once``; return the cursor.

    Raises OurMistake, TooManyBadRecords, Fenced, and with ``options.once`` Unavailable.
    """
    # Its lines hold addresses that open an object to anybody; what matters of them is raised.
    logging.getLogger("dap").setLevel(logging.CRITICAL)
    access = dap_access(settings)

    async def work(tools: AgentTools) -> DapCursor | None:
        return await ingest_dap(
            tools,
            options,
            lambda: open_source(access, options, tools.stopping, tools.figures, tools.clock),
            _log_news,
        )

    patience_s = PATIENCE_S if options.once else None
    return await run_agent(settings, AGENT, work, patience_s=patience_s, figures=figures)


def dap_access(settings: Settings) -> DapAccess:
    """Return where DAP is and the key; raise SettingsError without one."""
    if settings.dap_client_id is None or settings.dap_client_secret is None:
        raise SettingsError(
            f"{PREFIX}DAP_CLIENT_ID and {PREFIX}DAP_CLIENT_SECRET are needed: make an API key in "
            "Instructure's identity service"
        )
    return DapAccess(
        settings.dap_url, settings.dap_client_id, settings.dap_client_secret.get_secret_value()
    )


def dap_options(
    settings: Settings,
    *,
    once: bool = False,
    since: datetime | None = None,
    skip_lost: bool = False,
    max_bad_share: float | None = None,
) -> DapOptions:
    """Return the options of the agent."""
    return DapOptions(
        since=since,
        once=once,
        skip_lost=skip_lost,
        format=settings.dap_format,
        every=settings.dap_every_minutes * MINUTE,
        again=settings.dap_again_minutes * MINUTE,
        downloads=settings.dap_downloads,
        root_account_id=settings.root_account_id,
        home_shard=settings.home_shard,
        max_bad_share=settings.max_bad_share if max_bad_share is None else max_bad_share,
        record_limit=settings.record_limit_bytes,
        spool_directory=settings.spool_dir,
        spool_limit=settings.dap_spool_limit_mib << 20,
    )


def _log_news(news: News) -> None:
    say = log.info if news.event in {"window", "stopped"} else log.warning
    say(news.event, agent=AGENT, **news.facts)
