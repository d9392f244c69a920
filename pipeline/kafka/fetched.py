"""What the group's consumer may take, and what it hands over."""

from dataclasses import dataclass
from typing import NamedTuple

from pipeline.codecs.chunk import Chunk


@dataclass(frozen=True, slots=True)
class ConsumerLimits:
    """Sizes and times of the group's consumer.

    ``chunk_records`` and ``chunk_bytes`` (unfolded; passed by less than one batch) bound what one
    event carries. ``max_poll_s``: a worker that takes nothing
    for so long (a restore, a dead ClickHouse) leaves the group.
    """

    chunk_records: int = 40_000
    chunk_bytes: int = 32 << 20
    partition_fetch_bytes: int = 4 << 20
    fetch_bytes: int = 24 << 20
    fetch_wait_ms: int = 250
    session_s: float = 30.0
    heartbeat_s: float = 3.0
    rebalance_s: float = 60.0
    max_poll_s: float = 600.0
    instance: str | None = None
    buffered_chunks: int = 4


class Fetched(NamedTuple):
    """A chunk and the assignment it belongs to; older ones are dropped unseen.

    ``end`` is how far the partition went (last stable offset) when it was last fetched.
    """

    epoch: int
    chunk: Chunk
    end: int


class Reach(NamedTuple):
    """How far a partition goes.

    ``end`` is its last stable offset, ``fetched`` how far it was fetched (None: unknown). Beyond
    ``end`` and up to ``written`` lies what open transactions hold back.
    """

    end: int
    fetched: int | None
    written: int
