"""When the sink inserts."""

from dataclasses import dataclass
from typing import Final

MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Pace:
    """Sizes and intervals; every insert makes a part that ClickHouse must merge later.

    ``interval`` and ``behind_interval`` are the longest times (microseconds) that rows wait while
    the stage keeps up and while it is behind; it is behind while the records it reads are older
    than ``behind_after``. A table that has ``rows`` waiting is inserted at once.
    ``most_rows`` and ``most_bytes`` bound what waits; as much again may be on its way.
    ``leave_within_s`` bounds the last insert when partitions are taken away or the stage stops.
    ``sweep_every`` is how often (microseconds) rows are looked for that came after their erasure.
    """

    rows: int = 50_000
    interval: int = 300_000
    behind_interval: int = 5_000_000
    behind_after: int = 10_000_000
    most_rows: int = 200_000
    most_bytes: int = 128 * MIB
    leave_within_s: float = 6.0
    sweep_every: int = 6 * 3600 * 1_000_000
