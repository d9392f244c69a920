"""``ingest live-events-sqs``, wired: settings in, an agent at its queue out."""

from typing import Final

from pipeline.app.agents.running import run_agent
from pipeline.app.settings import PREFIX, Settings
from pipeline.domain.errors import SettingsError
from pipeline.ingest.live_events_sqs.options import SqsOptions
from pipeline.ingest.tools import AgentTools

AGENT: Final = "live-events-sqs"


async def ingest_live_events_sqs(settings: Settings, max_bad_share: float | None = None) -> None:
    """Publish what the queue gives until a signal ends it.

    Raises OurMistake, TooManyBadRecords, Fenced.
    """
    options = queue_options(settings, max_bad_share)
    try:
        from pipeline.ingest.live_events_sqs.agent import run_live_events_sqs  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise SettingsError(
            "ingest live-events-sqs needs aiobotocore: install canvas-telemetry[sqs]"
        ) from error

    async def work(tools: AgentTools) -> None:
        await run_live_events_sqs(tools, options)

    await run_agent(settings, AGENT, work, instance=settings.sqs_instance)


def queue_options(settings: Settings, max_bad_share: float | None = None) -> SqsOptions:
    """Return the options of the agent; raise SettingsError without a queue."""
    if not settings.sqs_queue_url:
        raise SettingsError(f"{PREFIX}SQS_QUEUE_URL must name the queue that Canvas writes to")
    return SqsOptions(
        queue_url=settings.sqs_queue_url,
        region=settings.sqs_region,
        endpoint_url=settings.sqs_endpoint_url,
        receivers=settings.sqs_receivers,
        wait_s=settings.sqs_wait_s,
        visibility_s=settings.sqs_visibility_s,
        max_in_flight=settings.sqs_max_in_flight,
        max_bad_share=settings.max_bad_share if max_bad_share is None else max_bad_share,
        record_limit=settings.record_limit_bytes,
    )
