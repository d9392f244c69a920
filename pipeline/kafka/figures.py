"""What the tasks of a stage did, counted once per commit or opening; read by metrics."""

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

COMMIT_BOUNDS_S: Final = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the commit histogram; a commit takes 0.03 to 0.3 s on an idle broker."""


@dataclass(slots=True)
class CommitFigures:
    """Commits of a stage so far.

    ``buckets`` counts commits by ``COMMIT_BOUNDS_S``, one more for those above the last bound.
    ``records`` counts by topic without prefix. ``failures`` are transactions that were fenced or
    got no answer.
    """

    commits: int = 0
    failures: int = 0
    rows: int = 0
    seconds: float = 0.0
    latest_s: float = 0.0
    longest_s: float = 0.0
    records: Counter[str] = field(default_factory=Counter)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(COMMIT_BOUNDS_S) + 1))

    def record(self, rows: int, records: dict[str, int], seconds: float) -> None:
        """Take note of one commit."""
        self.commits += 1
        self.rows += rows
        self.seconds += seconds
        self.latest_s = seconds
        self.longest_s = max(self.longest_s, seconds)
        self.records.update(records)
        self.buckets[bisect_left(COMMIT_BOUNDS_S, seconds)] += 1


@dataclass(slots=True)
class OpeningFigures:
    """Tasks opened so far: restored, kept through a rebalance, lost; ``retries`` of these.

    ``fenced`` tasks had their transaction refused: another worker has taken the partition over.
    """

    opened: int = 0
    retries: int = 0
    kept: int = 0
    losses: int = 0
    fenced: int = 0
    seconds: float = 0.0
    longest_s: float = 0.0

    def record(self, seconds: float) -> None:
        """Take note of one task that was opened and restored."""
        self.opened += 1
        self.seconds += seconds
        self.longest_s = max(self.longest_s, seconds)
