"""When a task commits."""

from typing import Final, NamedTuple


class Pace(NamedTuple):
    """Every ``interval_s`` while the task keeps up, else less often and larger.

    A task is behind when more than ``behind_offsets`` wait for it. Then a commit comes after
    ``rows`` rows or ``behind_interval_s``: a session touched many times is written once.
    At ``most_rows`` adding waits for the commit under way.
    """

    interval_s: float = 0.5
    behind_interval_s: float = 3.0
    behind_offsets: int = 40_000
    rows: int = 200_000
    most_rows: int = 400_000

    def due(self, rows: int, elapsed_s: float, *, behind: bool) -> bool:
        """Say whether to commit now."""
        return rows >= self.rows or elapsed_s >= (
            self.behind_interval_s if behind else self.interval_s
        )


DEFAULT_PACE: Final = Pace()
