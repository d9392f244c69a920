"""A general detector for one series of numbers that come one after the other.

It needs no parameters of a series. Four predictors compete (the last value, a short mean, the time
of day, the hour of the week), and three statistics are watched: how far the value is from the best
prediction, how far the recent mean is from where it should be, and whether the series became
restless or still. Each has its own distribution of extremes (peaks over threshold: Siffer et al.,
"Anomaly Detection in Streams with Extreme Value Theory", KDD 2017; parameters by moments as in
Hosking and Wallis, "Parameter and Quantile Estimation for the Generalized Pareto Distribution",
1987), so that the score is a chance whatever the series looks like. After an alarm it rests.
"""

from typing import Final, NamedTuple, Self

import numpy as np

from pipeline.detect import univariate_kernels as kernels
from pipeline.detect.state_text import dumped, loaded

SECONDS_A_DAY: Final = 86_400
_BIN_S: Final = SECONDS_A_DAY // kernels.DAY_BINS
_MONDAY: Final = 4 * SECONDS_A_DAY
"""1 January 1970 was a Thursday."""

ALARM_AT: Final = 3.25
"""Decimal digits of improbability: one value in some 1,800; chosen on series made with other seeds
than those in the documentation, the same for every series. The rest bounds false alarms to one a
day."""

REST_S: Final = SECONDS_A_DAY
HIGHEST_SCORE: Final = 40.0


class Judgement(NamedTuple):
    """``score``: -log10 of the chance of what was seen, 0 to 40; ``alarm``: an alarm begins."""

    score: float
    alarm: bool


class UnivariateDetector:
    """One series. Its state takes 8 KiB whatever the length of the series."""

    def __init__(self, *, alarm_at: float = ALARM_AT, rest_s: int = REST_S) -> None:
        self._alarm_at = alarm_at
        self._rest_s = rest_s
        self._rests_until = -(1 << 62)
        self._state = np.zeros(kernels.FIELDS)
        self._day = np.zeros((kernels.DAY_BINS, 2))
        self._week = np.zeros((kernels.WEEK_BINS, 2))
        self._errors = np.zeros(kernels.SHORT)
        self._moves = np.zeros(kernels.LONG)

    @property
    def state_bytes(self) -> int:
        """Bytes of what is remembered."""
        return sum(array.nbytes for array in self._arrays())

    def observe(self, at: int, value: float) -> Judgement:
        """Judge the next value, measured at ``at`` (seconds since the epoch), then learn it.

        What is no number (NaN, infinite) is passed over.
        """
        if not np.isfinite(value):
            return Judgement(0.0, alarm=False)
        day_bin = at % SECONDS_A_DAY // _BIN_S
        week_bin = (at + SECONDS_A_DAY * 7 - _MONDAY) % (7 * SECONDS_A_DAY) // 3600
        strange = kernels.step(
            value, day_bin, week_bin, self._state, self._day, self._week, self._errors, self._moves
        )
        score = min(strange, HIGHEST_SCORE)
        alarm = score >= self._alarm_at and at >= self._rests_until
        if alarm:
            self._rests_until = at + self._rest_s
        return Judgement(score, alarm)

    def snapshot(self) -> str:
        """Return all it knows as text."""
        arrays = [array.ravel().tolist() for array in self._arrays()]
        return dumped({"arrays": arrays, "rests_until": self._rests_until})

    @classmethod
    def restored(cls, snapshot: str, *, alarm_at: float = ALARM_AT, rest_s: int = REST_S) -> Self:
        """Return a detector that goes on where ``snapshot`` was taken."""
        known = loaded(snapshot)
        detector = cls(alarm_at=alarm_at, rest_s=rest_s)
        for array, values in zip(detector._arrays(), known["arrays"], strict=True):
            array.ravel()[:] = values
        detector._rests_until = known["rests_until"]
        return detector

    def _arrays(self) -> tuple[np.ndarray, ...]:
        return self._state, self._day, self._week, self._errors, self._moves
