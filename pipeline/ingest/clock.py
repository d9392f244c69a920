"""The wall clock in microseconds."""

import time
from collections.abc import Callable

Clock = Callable[[], int]


def wall_clock() -> int:
    """Return the present instant."""
    return time.time_ns() // 1_000
