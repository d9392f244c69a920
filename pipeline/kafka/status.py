"""What a worker knows about itself, for metrics and health."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

Partition = tuple[str, int]


@dataclass(slots=True)
class WorkerStatus:
    """Figures of one worker; written on its event loop, read from anywhere.

    ``stalled`` is how long each assigned partition has had lag without progress, in seconds, 0
    while all is well: the deadman. ``lag`` counts offsets up to the last stable one; a partition
    without a position is missing in it. ``assigned`` is None until the first assignment and from
    a revocation to the next assignment.
    """

    chunks: int = 0
    rows: int = 0
    rebalances: int = 0
    assigned: frozenset[Partition] | None = None
    lag: dict[Partition, int] = field(default_factory=dict)
    stalled: dict[Partition, float] = field(default_factory=dict)
    stopping: bool = False
    _moved: dict[Partition, tuple[int | None, float]] = field(default_factory=dict)

    @property
    def stalled_s(self) -> float:
        """The longest stall of any partition."""
        return max(self.stalled.values(), default=0.0)

    def observe(self, ends: Mapping[Partition, int], positions: Mapping[Partition, int]) -> None:
        """Take the last stable offsets and the committed positions of the assigned partitions."""
        now = time.monotonic()
        self.lag = {
            key: max(end - positions[key], 0) for key, end in ends.items() if key in positions
        }
        moved: dict[Partition, tuple[int | None, float]] = {}
        for key in ends:
            position, waits = positions.get(key), self.lag.get(key) != 0
            before = self._moved.get(key)
            still = before is not None and before[0] == position and waits
            moved[key] = before if before is not None and still else (position, now)
            self.stalled[key] = now - moved[key][1] if waits else 0.0
        self._moved = moved
        self.stalled = {key: self.stalled[key] for key in ends}
