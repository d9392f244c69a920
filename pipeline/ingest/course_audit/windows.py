"""Which windows of time remain to be asked for (Canvas answers newest first, a page at a time).

Pages are not turned by Canvas's links: versions of its code left out events that share the second
at the edge of a page. Instead the next request ends a second after the oldest event of the last
page, so that the second at the edge is asked for whole, and what comes twice is dropped by its id.
Where one page does not reach past one second, the second is halved and halved again. Both ends of
a window are inclusive, as Canvas's are. Times in microseconds.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from pipeline.domain.event_time import MICROS

SECOND: Final = MICROS
FINEST: Final = SECOND // 64
"""Windows are not halved below this: more than a page of events in it are paged by links."""


class Window(NamedTuple):
    """From ``start`` to ``end``, both included."""

    start: int
    end: int

    def has(self, instant: int) -> bool:
        """Tell whether an event shown with this time (whole seconds) may be in the window."""
        return self.start - SECOND < instant <= self.end


def remaining(window: Window, oldest: int | None) -> list[Window] | None:
    """Return what is left of a window after a page that was not the last, newest first.

    ``oldest`` is the smallest time on the page. None means that only links lead on.
    """
    if oldest is None:
        return None
    edge = oldest + SECOND
    if edge <= window.start:
        return []
    if edge < window.end:
        return [Window(window.start, edge)]
    lower = max(window.start, oldest)
    if window.end - lower <= FINEST:
        return None
    middle = lower + (window.end - lower) // 2
    return [Window(middle, window.end), Window(window.start, middle)]


def joined(windows: Iterable[Window]) -> list[Window]:
    """Return windows that cover the same times, none touching another, newest first."""
    result: list[Window] = []
    for window in sorted(windows, key=lambda one: (-one.end, one.start)):
        if result and window.end >= result[-1].start:
            result[-1] = Window(min(result[-1].start, window.start), result[-1].end)
        else:
            result.append(window)
    return result


def in_words(instant: int) -> str:
    """Return an instant as ISO 8601, with a fraction only if it has one."""
    whole, fraction = divmod(instant, SECOND)
    text = datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{fraction:06d}Z" if fraction else f"{text}Z"
