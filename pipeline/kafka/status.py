"""What a worker knows about itself, for metrics and health."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.kafka.fetched import Reach

Partition = tuple[str, int]


class _Stand(NamedTuple):
    """Where a partition stands, whether that is committed, and since when it waits there."""

    position: int | None
    committed: bool
    since: float


@dataclass(slots=True)
class WorkerStatus:
    """Figures of one worker; written on its event loop, read from anywhere.

    ``stalled`` is how long each assigned partition has had lag without progress, in seconds, 0
    while all is well: the deadman. ``lag`` counts offsets up to the last stable one, ``held_back``
    those beyond it, which open transactions keep from every reader: one that never ends stalls a
    partition too. A partition whose position nobody knows yet is missing in ``lag``, and waits.
    ``assigned`` is None until the first assignment and from a revocation to the next assignment.
    """

    chunks: int = 0
    rows: int = 0
    rebalances: int = 0
    assigned: frozenset[Partition] | None = None
    lag: dict[Partition, int] = field(default_factory=dict)
    held_back: dict[Partition, int] = field(default_factory=dict)
    stalled: dict[Partition, float] = field(default_factory=dict)
    stopping: bool = False
    _stood: dict[Partition, _Stand] = field(default_factory=dict)

    @property
    def stalled_s(self) -> float:
        """The longest stall of any partition."""
        return max(self.stalled.values(), default=0.0)

    def observe(self, reach: Mapping[Partition, Reach], positions: Mapping[Partition, int]) -> None:
        """Take how far the assigned partitions go, and their committed positions.

        A partition that the handler has no position of was given nothing since its assignment: it
        stands where it was first seen fetched.
        """
        now = time.monotonic()
        stands = {
            key: self._stand(key, each, positions.get(key), now) for key, each in reach.items()
        }
        self.lag = {
            key: max(reach[key].end - stand.position, 0)
            for key, stand in stands.items()
            if stand.position is not None
        }
        self.held_back = {key: each.written - each.end for key, each in reach.items()}
        self.stalled = {key: now - stand.since for key, stand in stands.items()}
        self._stood = stands

    def _stand(self, key: Partition, reach: Reach, position: int | None, now: float) -> _Stand:
        before = self._stood.get(key)
        committed = position is not None
        if position is None:
            first = None if before is None or before.committed else before.position
            position = reach.fetched if first is None else first
        waits = position is None or position < max(reach.end, reach.written)
        still = waits and before is not None and before.position == position
        return _Stand(position, committed, before.since if before is not None and still else now)
