"""Lines gathered into the files of four-hour windows, as DAP refreshes them."""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from pipeline.domain.event_time import HOUR, MICROS, MINUTE
from pipeline.simulator import chances
from pipeline.simulator.course_audit import Noted, pages
from pipeline.simulator.live_events import delay_us, event_line, event_time_us, job_line
from pipeline.simulator.request import JobEvent, Request
from pipeline.simulator.streams import SHUFFLE
from pipeline.simulator.times import iso_ms
from pipeline.simulator.web_logs import correction_line, deletion_line, web_log_line

WINDOW: Final = 4 * HOUR
# DAP commits a window's rows some minutes after it, in a few batches.
FIRST_COMMIT: Final = 4 * MINUTE + 11 * MICROS + 312_000
COMMIT_BATCHES: Final = 4


class Part(NamedTuple):
    """The lines of one file; `window` counts four-hour windows since the epoch."""

    window: int
    lines: list[str]


class WebLogWindows:
    """Sorts web_logs rows into commit windows; within one they are in no order.

    Corrections and deletions follow their row in a later window that the run still reaches, so
    that no window has two rows of one id. Memory: the lines of windows not yet closed.
    """

    def __init__(self, end_us: int, seed: int) -> None:
        self._end_us = end_us
        self._seed = seed
        self._last = (end_us - 1) // WINDOW
        self._open: dict[int, list[str]] = {}
        self.rows = 0
        self.corrections = 0
        self.deletions = 0

    def add(self, request: Request) -> None:
        """Write a request's row, and now and then what is said about it later."""
        bits = chances.row_bits(request.id)
        window = request.time_us // WINDOW
        if chances.LATE_COMMIT.holds(bits):
            window += 1
        self.rows += 1
        self._put(window, web_log_line(request, _commit(window, bits)))
        if window >= self._last:
            return
        if chances.CORRECTED.holds(bits):
            self.corrections += 1
            later = window + 1
            self._put(later, correction_line(request, _commit(later, bits)))
        elif chances.ERASED.holds(bits):
            self.deletions += 1
            later = window + 1 + bits // chances.ERASED.one_in % (self._last - window)
            self._put(later, deletion_line(request.id, _commit(later, bits)))

    def close(self, until_us: int) -> Iterator[Part]:
        """Give the windows that end at or before an instant; at the end, all there are.

        Every row of a window must have been added before it is closed.
        """
        done = until_us // WINDOW - 1
        for window in sorted(self._open):
            if window <= done or until_us >= self._end_us:
                yield Part(window, self._shuffled(window, self._open.pop(window)))

    def _put(self, window: int, line: str) -> None:
        lines = self._open.get(window)
        if lines is None:
            lines = self._open[window] = []
        lines.append(line)

    def _shuffled(self, window: int, lines: list[str]) -> list[str]:
        rng = np.random.default_rng((self._seed, SHUFFLE, window))
        return [lines[i] for i in rng.permutation(len(lines)).tolist()]


@lru_cache(maxsize=64)
def _commits(window: int) -> tuple[str, ...]:
    first = (window + 1) * WINDOW + FIRST_COMMIT
    return tuple(iso_ms(first + n * 73 * MICROS) for n in range(COMMIT_BATCHES))


def _commit(window: int, bits: int) -> str:
    return _commits(window)[bits >> 8 & 3]


class CourseAuditWindows:
    """Gathers audit events by the window of their time; they are pages when it closes."""

    def __init__(self, end_us: int) -> None:
        self._end_us = end_us
        self._open: dict[int, list[Noted]] = {}
        self.events = 0

    def add(self, noted: Iterable[Noted]) -> None:
        """Take what was noted of a change."""
        for each in noted:
            self.events += 1
            self._open.setdefault(each.time_us // WINDOW, []).append(each)

    def close(self, until_us: int) -> Iterator[Part]:
        """Give the windows that end at or before an instant; at the end, all there are."""
        done = until_us // WINDOW - 1
        for window in sorted(self._open):
            if window <= done or until_us >= self._end_us:
                yield Part(window, pages(self._open.pop(window)))


class LiveEventWindows:
    """Sorts Live Events by their time of delivery, which is seconds after the event."""

    def __init__(self, end_us: int, time_zone: str) -> None:
        self._end_us = end_us
        self._last = (end_us - 1) // WINDOW
        self._time_zone = time_zone
        self._open: dict[int, list[tuple[int, int, str]]] = {}
        self.events = 0

    def add(self, request: Request) -> None:
        """Write the events that a request caused."""
        time_us = event_time_us(request, self._end_us)
        arrival = time_us + delay_us(request.id)
        for event in request.events:
            self._put(arrival, event_line(request, event, time_us, self._time_zone))

    def add_job(self, job: JobEvent) -> None:
        """Write an event of a background job; jobs deliver at once."""
        self._put(job.time_us, job_line(job))

    def close(self, until_us: int) -> Iterator[Part]:
        """Give the windows that end at or before an instant; at the end, all there are."""
        done = until_us // WINDOW - 1
        for window in sorted(self._open):
            if window <= done or until_us >= self._end_us:
                lines = sorted(self._open.pop(window))
                yield Part(window, [line for _, _, line in lines])

    def _put(self, arrival: int, line: str) -> None:
        # What arrives after the end belongs to the last window.
        window = min(arrival // WINDOW, self._last)
        self._open.setdefault(window, []).append((arrival, self.events, line))
        self.events += 1
