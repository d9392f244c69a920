"""When the next request to Canvas may go out.

Two limits: the number of requests an hour that an operator allows, and Canvas's own: a bucket per
token that leaks 10 units a second and refuses requests once 600 are in it. The header
``X-Rate-Limit-Remaining`` says how many are left; the agent leaves half of them to others.
https://developerdocs.instructure.com/services/canvas/basics/file.throttling
"""

from typing import Final

HALF_A_BUCKET: Final = 300.0
LEAK_PER_S: Final = 10.0


class Pace:
    """Spaces requests; times in seconds of any clock that only grows."""

    def __init__(self, requests_per_hour: int) -> None:
        self._interval_s = 3600.0 / requests_per_hour
        self._next_s = 0.0

    def take(self, now_s: float) -> float:
        """Take the next place; return how long to wait for it."""
        at = max(now_s, self._next_s)
        self._next_s = at + self._interval_s
        return at - now_s

    def saw_remaining(self, units: float, now_s: float) -> None:
        """Take what Canvas says is left: below half a bucket, wait until it has leaked enough."""
        if units < HALF_A_BUCKET:
            ready = now_s + (HALF_A_BUCKET - units) / LEAK_PER_S
            self._next_s = max(self._next_s, ready)
