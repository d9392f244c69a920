"""How the endpoint works."""

import ssl
from dataclasses import dataclass, field
from typing import Final

from pipeline.ingest.live_batches import LiveBatchOptions

SOURCE: Final = "live-events-http"


@dataclass(frozen=True, slots=True)
class EndpointOptions:
    """Options of the endpoint.

    ``signed`` takes events with a valid signature alone; otherwise ``secret`` (what follows the
    path), ``username`` with ``password``, or all three have to be right. A connection has
    ``head_s`` to bring the head of its first request. A body has at most ``max_body_bytes`` and
    ``body_s`` to arrive; Kafka has ``answer_s`` to acknowledge, less than
    the 15 s that Canvas waits. At most ``max_posts`` are worked on at once.
    """

    host: str = "127.0.0.1"
    port: int = 0
    path: str = "/live-events"
    signed: bool = True
    secret: str | None = None
    username: str | None = None
    password: str | None = None
    tls: ssl.SSLContext | None = None
    max_body_bytes: int = 2 << 20
    head_s: float = 15.0
    body_s: float = 10.0
    answer_s: float = 12.0
    max_posts: int = 10_000
    batches: LiveBatchOptions = field(default_factory=LiveBatchOptions)
