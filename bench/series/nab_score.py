"""The score of the Numenta Anomaly Benchmark, from its published definition.

Lavin and Ahmad, "Evaluating Real-time Anomaly Detection Algorithms: the Numenta Anomaly Benchmark",
2015, section II; probation, relative positions and profile weights as its data set's rules say.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

PROBATION: Final = 0.15
PROBATION_ROWS: Final = 5_000
"""The first part of a series, at most this share of so many rows, is not scored."""

FAR: Final = 3.0
"""Window widths behind a window from which a false alarm costs its full weight."""


class Profile(NamedTuple):
    """What a found window earns and a false alarm and a missed window cost."""

    found: float
    false_alarm: float
    missed: float


PROFILES: Final[Mapping[str, Profile]] = {
    "standard": Profile(1.0, 0.11, 1.0),
    "low_fp": Profile(1.0, 0.22, 1.0),
    "low_fn": Profile(1.0, 0.11, 2.0),
}


class Window(NamedTuple):
    """Rows of an anomaly, first and last included."""

    first: int
    last: int


class Labelled(NamedTuple):
    """A series of so many rows and its windows, in order."""

    rows: int
    windows: Sequence[Window]


def sigmoid(position: float) -> float:
    """Return the worth of an alarm at a position: -1 begins its window, 0 ends it."""
    return -1.0 if position >= FAR else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def raw_score(labelled: Labelled, alarms: Sequence[int], profile: Profile) -> float:
    """Return the score of the rows (in order) that a detector gave alarm at."""
    probation = min(math.floor(PROBATION * labelled.rows), PROBATION * PROBATION_ROWS)
    scored = [window for window in labelled.windows if window.last >= probation]
    best = dict.fromkeys(scored, -profile.missed)
    false_alarms = 0.0
    for row in alarms:
        if row < probation:
            continue
        window = next((w for w in labelled.windows if w.first <= row <= w.last), None)
        if window is None:
            false_alarms += profile.false_alarm * sigmoid(_behind(row, labelled.windows))
        else:
            width = window.last - window.first + 1
            worth = sigmoid(-(window.last - row + 1) / width) / sigmoid(-1.0)
            best[window] = max(best[window], profile.found * worth)
    return false_alarms + sum(best.values())


def score(corpus: Sequence[tuple[Labelled, Sequence[int]]], profile: Profile) -> float:
    """Return the normalised score of a corpus: 0 for no alarm at all, 100 for a perfect one.

    Raises ValueError if no series has a window.
    """
    windows = sum(len(labelled.windows) for labelled, _ in corpus)
    if not windows:
        raise ValueError("no series has a labelled window: nothing can be scored")
    silent = sum(raw_score(labelled, (), profile) for labelled, _ in corpus)
    perfect = profile.found * windows
    total = sum(raw_score(labelled, alarms, profile) for labelled, alarms in corpus)
    return 100.0 * (total - silent) / (perfect - silent)


def _behind(row: int, windows: Sequence[Window]) -> float:
    """Return how many widths a row lies behind the last window before it."""
    before = [window for window in windows if window.last < row]
    if not before:
        return FAR
    last = before[-1]
    return (row - last.last) / max(last.last - last.first, 1)
