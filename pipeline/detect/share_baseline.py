"""The usual share of errors among a key's requests, learned minute by minute, newest first.

Sums decay exponentially with event time, so that a key costs five numbers. How much the minutes
scatter beyond Poisson is learned beside it (method of moments), because real errors come in
clumps: one user's retries are not independent.
"""

import math
from dataclasses import dataclass
from typing import Final, NamedTuple

from pipeline.detect.count_tail import Expectation

MAX_DISPERSION: Final = 2.0
"""Beyond it a spike of any size would pass as scatter."""

WAVE: Final = 0.75
"""Share of the requests that fail in a wave which must never pass as scatter, whatever came in the
days before (``_most_dispersion``)."""

MIN_DISPERSION: Final = 0.02
"""No stream of requests is pure Poisson: load balancers, retries, batches."""

DISPERSION_WEIGHT: Final = 5.0
"""Squared expected errors that the prior dispersion counts for."""

WINSOR: Final = 4.0
"""Standard deviations beyond which a minute counts as if it were there: robust scatter."""


class ShareModel(NamedTuple):
    """What is assumed before anything was seen, and how fast the past fades.

    ``max_probability``: what a wave must be at most as likely as; None: there are no waves, what
    is counted is no share of anything.
    """

    prior_share: float
    prior_shape: float
    dispersion: float
    half_life_min: float
    clump: float
    max_probability: float | None = None


@dataclass(slots=True)
class ShareBaseline:
    """Decayed sums of one key up to minute ``at``."""

    requests: float = 0.0
    errors: float = 0.0
    scatter: float = 0.0
    scatter_weight: float = 0.0
    at: int = 0

    def learn(
        self, minute: int, requests: float, errors: float, model: ShareModel, idle: float = 0.0
    ) -> None:
        """Take a minute that was not flagged; minutes come in order. About 2 µs: once per stat.

        ``idle``: requests since the minute learned last that brought no errors.
        """
        fade = self._fade(minute, model)
        mean, shape = self._level(fade, requests, model, idle)
        clumped = mean * model.clump
        limit = mean + WINSOR * math.sqrt(clumped + mean * mean / shape)
        deviation = (min(limit, errors)) - mean
        self.requests = self.requests * fade + idle + requests
        self.errors = self.errors * fade + errors
        # Silent stretches of the same length scatter too: nothing came where ``mean`` was usual.
        silent = idle / requests if idle else 0.0
        scatter = deviation * deviation - clumped + silent * (mean * mean - clumped)
        self.scatter = self.scatter * fade + scatter
        self.scatter_weight = self.scatter_weight * fade + (1.0 + silent) * mean * mean
        self.at = minute

    def evidence(self, minute: int, model: ShareModel, idle: float = 0.0) -> float:
        """Return how many requests the baseline stands on at that minute."""
        return self.requests * self._fade(minute, model) + idle

    def expect(
        self, minute: int, requests: float, model: ShareModel, idle: float = 0.0
    ) -> Expectation:
        """Return what ``requests`` requests at that minute would usually bring."""
        mean, shape = self._level(self._fade(minute, model), requests, model, idle)
        return Expectation(mean, shape, model.clump)

    def _level(
        self, fade: float, requests: float, model: ShareModel, idle: float
    ) -> tuple[float, float]:
        evidence = self.errors * fade + model.prior_shape
        share = evidence / (self.requests * fade + idle + model.prior_shape / model.prior_share)
        dispersion = (DISPERSION_WEIGHT * model.dispersion + self.scatter * fade) / (
            DISPERSION_WEIGHT + self.scatter_weight * fade
        )
        if dispersion < MIN_DISPERSION:
            dispersion = MIN_DISPERSION
        elif dispersion > model.dispersion:
            dispersion = min(dispersion, _most_dispersion(share, model))
        return share * requests, 1.0 / (1.0 / evidence + dispersion)

    def _fade(self, minute: int, model: ShareModel) -> float:
        return math.exp2((self.at - minute) / model.half_life_min) if self.requests else 0.0


def _most_dispersion(share: float, model: ShareModel) -> float:
    """Return how much scatter may be learned: so much that a wave stands out, or what is assumed.

    A Gamma rate of shape a reaches r times its mean with a chance of at most
    exp(-a (r - 1 - ln r)) (Chernoff, Ann. Math. Stat. 23 (1952) 493).
    """
    most = MAX_DISPERSION
    if model.max_probability is not None:
        ratio = max(1.0, WAVE / share)
        most = min(most, (ratio - 1 - math.log(ratio)) / -math.log(model.max_probability))
    return max(most, model.dispersion)
