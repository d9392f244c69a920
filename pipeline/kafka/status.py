"""What a worker knows about itself, for metrics and health."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

Partition = tuple[str, int]


@dataclass(slots=True)
class WorkerStatus:
    """Figures of one worker; written on its event loop, read from anywhere.

    ``stalled_s`` is how long there has been lag without progress, 0 while all is well: the
    deadman. ``lag`` counts offsets up to the last stable one, per assigned partition.
    """

    chunks: int = 0
    rows: int = 0
    rebalances: int = 0
    assigned: frozenset[Partition] = frozenset()
    lag: dict[Partition, int] = field(default_factory=dict)
    stalled_s: float = 0.0
    stopping: bool = False
    _positions: dict[Partition, int] = field(default_factory=dict)
    _moved: float = field(default_factory=time.monotonic)

    def observe(self, ends: Mapping[Partition, int], positions: Mapping[Partition, int]) -> None:
        """Take the last stable offsets and the committed positions of the assigned partitions."""
        now = time.monotonic()
        self.lag = {
            key: max(end - positions[key], 0) for key, end in ends.items() if key in positions
        }
        waiting = any(self.lag.values()) or any(key not in positions for key in ends)
        if dict(positions) != self._positions or not waiting:
            self._positions = dict(positions)
            self._moved = now
        self.stalled_s = now - self._moved if waiting else 0.0
