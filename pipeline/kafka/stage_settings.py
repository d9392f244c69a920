"""Times and bounds of a transactional stage."""

from dataclasses import dataclass
from typing import Final

from pipeline.kafka.pace import DEFAULT_PACE, Pace


@dataclass(frozen=True, slots=True)
class StageSettings:
    """Times of a stage; ``transaction_s`` is also how long one commit may take.

    ``revoke_s`` bounds the commit before partitions are given back, ``open_retry_s`` how long an
    opening is tried, ``silence_s`` how long a restore waits for the next records: it may take long,
    but not stand still. ``waiting_rows`` or ``waiting_size`` (bytes) of a partition wait for its
    opening; then it is not fetched. ``accept_lost_rows``: rows that are gone before they were read
    are no mistake.
    """

    pace: Pace = DEFAULT_PACE
    transaction_s: float = 30.0
    revoke_s: float = 8.0
    stop_s: float = 5.0
    open_retry_s: float = 120.0
    silence_s: float = 30.0
    openings_at_once: int = 4
    waiting_rows: int = 50_000
    waiting_size: int = 64 << 20
    accept_lost_rows: bool = False


DEFAULT_SETTINGS: Final = StageSettings()
