"""When a task commits."""

from typing import Final, NamedTuple

MIB: Final = 1 << 20


class Pace(NamedTuple):
    """Every ``interval_s`` while the task keeps up, else less often and larger.

    A task is behind when more than ``behind_offsets`` wait for it. Then a commit comes after
    ``rows`` rows or ``behind_interval_s``: a session touched many times is written once.
    At ``most_rows`` adding waits for the commit under way. Bytes (unfolded, as they were read)
    count as rows do: late rows and dead letters are kept whole until they are committed.
    """

    interval_s: float = 0.5
    behind_interval_s: float = 3.0
    behind_offsets: int = 40_000
    rows: int = 200_000
    most_rows: int = 400_000
    size: int = 192 * MIB
    most_size: int = 384 * MIB

    def due(self, rows: int, size: int, elapsed_s: float, *, behind: bool) -> bool:
        """Say whether to commit now."""
        interval_s = self.behind_interval_s if behind else self.interval_s
        return rows >= self.rows or size >= self.size or elapsed_s >= interval_s

    def full(self, rows: int, size: int) -> bool:
        """Say whether adding must wait for the commit under way."""
        return rows >= self.most_rows or size >= self.most_size


DEFAULT_PACE: Final = Pace()
