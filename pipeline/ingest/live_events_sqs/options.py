"""How the agent reads its queue."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pipeline.codecs.record_limit import DEFAULT_LIMIT as DEFAULT_RECORD_LIMIT
from pipeline.ingest.bad_limit import DEFAULT_SHARE

PER_REQUEST: Final = 10
"""Messages that SQS takes or gives at most in one request."""

_HOST: Final = re.compile(r"https?://(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.amazonaws\.com")


@dataclass(frozen=True, slots=True)
class SqsOptions:
    """Options of the agent.

    ``receivers`` ask at the same time, each for ten messages, and wait up to ``wait_s`` for them:
    16 of them take 3,000 messages a second from a queue that answers within 50 ms.
    ``max_in_flight`` messages are received and not deleted at most. A message that is not deleted
    within ``visibility_s`` would be given again: that is put off while its publishing waits.
    ``endpoint_url`` is for servers that are not Amazon's. Marks go out every ``mark_every_s``.
    More bad records than ``max_bad_share`` stop the agent; ``record_limit`` bounds the texts of
    one record in bytes.
    """

    queue_url: str
    region: str | None = None
    endpoint_url: str | None = None
    receivers: int = 16
    wait_s: int = 20
    visibility_s: int = 60
    max_in_flight: int = 4_000
    mark_every_s: float = 30.0
    max_bad_share: float = DEFAULT_SHARE
    record_limit: int = DEFAULT_RECORD_LIMIT

    @property
    def queue_region(self) -> str | None:
        """Return the region, as the queue's address says if nothing else does."""
        found = _HOST.match(self.queue_url)
        return self.region or (found[1] or found[2] if found else None)

    @property
    def endpoint(self) -> str:
        """Return where requests go: to the host of the queue, if nothing else is said.

        The old names of the hosts, ``<region>.queue``, are for the old protocol alone.
        """
        if self.endpoint_url:
            return f"{self.endpoint_url.rstrip('/')}/"
        parts = urlsplit(self.queue_url)
        region, dot, rest = parts.netloc.partition(".queue.amazonaws.com")
        host = f"sqs.{region}.amazonaws.com{rest}" if dot else parts.netloc
        return f"{parts.scheme}://{host}/"

    @property
    def source(self) -> str:
        """Return what rows and dead letters name as their source."""
        return f"live-events-sqs:{self.queue_url.rstrip('/').rpartition('/')[2]}"
