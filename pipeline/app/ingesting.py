"""The file agents, wired: from settings to published rows."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential_jitter,
)

from pipeline.app import wiring
from pipeline.app.settings import Settings
from pipeline.domain.errors import Unavailable
from pipeline.domain.feeds import COURSE_AUDIT, LIVE_EVENTS, WEB_LOGS, Feed
from pipeline.ingest.course_audit_files import ingest_course_audit_files
from pipeline.ingest.live_event_files import ingest_live_events_files
from pipeline.ingest.options import FileAgentOptions
from pipeline.ingest.totals import IngestTotals
from pipeline.ingest.web_log_files import ingest_web_logs_files
from pipeline.kafka.compacted import read_compacted
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.publisher import TransactionalPublisher

PATIENCE_S: Final = 120.0
"""How long brokers may stay away before an agent gives up."""

STDIN: Final = "-"

AGENTS: Final = {
    WEB_LOGS: ingest_web_logs_files,
    LIVE_EVENTS: ingest_live_events_files,
    COURSE_AUDIT: ingest_course_audit_files,
}


@dataclass(frozen=True, slots=True)
class KafkaCursors:
    """Cursors as the topic of cursors has them."""

    connection: KafkaConnection

    async def read(self, topic: str) -> Mapping[bytes, bytes]:
        """Return the latest value of every key."""
        return await read_compacted(self.connection, topic)


def agent_options(
    settings: Settings, *, late_ok: bool = False, max_bad_share: float | None = None
) -> FileAgentOptions:
    """Return the options of the file agents."""
    return FileAgentOptions(
        root_account_id=settings.root_account_id,
        home_shard=settings.home_shard,
        late_ok=late_ok,
        max_bad_share=settings.max_bad_share if max_bad_share is None else max_bad_share,
        record_limit=settings.record_limit_bytes,
        spool_directory=settings.spool_dir,
        protection=wiring.protection(settings),
    )


async def ingest_files(
    settings: Settings,
    feed: Feed,
    paths: Sequence[str],
    *,
    options: FileAgentOptions | None = None,
    progress: Callable[[int], None] | None = None,
) -> IngestTotals:
    """Publish files of a feed, each content once.

    Brokers that go away are waited for: a new publisher fences what is left of the last
    transaction, and the agent goes on where the last committed one ended.
    Raises OurMistake, TooManyBadRecords, and Unavailable after ``PATIENCE_S``.
    """
    connection = settings.kafka(client_id=f"{settings.app_id}-ingest-{feed}")
    publisher = TransactionalPublisher(connection, f"{settings.app_id}-ingest-{feed}-files")
    known = wiring.schemas(settings)

    async def attempt() -> IngestTotals:
        await publisher.start()
        return await AGENTS[feed](
            paths,
            publisher=publisher,
            cursors=KafkaCursors(connection),
            schemas=known,
            options=options or agent_options(settings),
            report=lambda at: None if progress is None else progress(at.rows),
            stdin=getattr(sys.stdin, "buffer", None),  # a service may have none
        )

    # What came from stdin is gone after the first attempt.
    patience_s = 0.0 if STDIN in paths else PATIENCE_S
    try:
        return await AsyncRetrying(
            retry=retry_if_exception_type(Unavailable),
            stop=stop_after_delay(patience_s),
            wait=wait_exponential_jitter(multiplier=0.5, max=10.0),
            reraise=True,
        )(attempt)
    finally:
        await publisher.stop()
