"""How unlikely a count is under the level that was usual before.

The count of a window is modelled as negative binomial: Poisson around a rate that is itself
uncertain and varies (Gamma with ``shape``); shape → ∞ is Poisson. Its upper tail is the
regularised incomplete beta function (NIST DLMF 8.17.5).

What comes in clumps (one person tries again) is no sequence of independent events: with a mean
clump of c, n events say as much as n / c independent ones (quasi-likelihood).
"""

import math
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

MOST_TERMS: Final = 20_000
"""Terms of a beta-binomial tail that are added up; beyond it the negative binomial is as good."""

LEAST_CONCENTRATION: Final = 0.05
"""Below it the Gamma around a share reaches far beyond 1 and no Beta is like it."""


class Expectation(NamedTuple):
    """Expected count of a window, Gamma shape of the rate around it, mean size of a clump."""

    mean: float
    shape: float
    clump: float = 1.0

    def tail(self, count: int) -> float:
        """Return the probability of at least ``count``."""
        if count <= 0:
            return 1.0
        if self.mean <= 0:
            return 0.0
        # Half a CPU second that only a worker which judges counts has to pay; see ``load``.
        from scipy.special import betainc  # noqa: PLC0415

        mean = self.mean / self.clump
        return float(betainc(count / self.clump, self.shape, mean / (self.shape + mean)))

    def lower_tail(self, count: int) -> float:
        """Return the probability of at most ``count``; of 0: the zero probability."""
        if self.mean <= 0:
            return 1.0
        from scipy.special import betainc  # noqa: PLC0415

        mean = self.mean / self.clump
        p = self.shape / (self.shape + mean)
        return float(betainc(self.shape, count / self.clump + 1, p))

    def cut(self, probability: float, least: int) -> int:
        """Return the smallest count, not below ``least``, at most as likely as ``probability``."""
        return smallest(self.tail, probability, least)


class ShareExpectation(NamedTuple):
    """What ``trials`` usually bring at an uncertain share: beta-binomial (Skellam 1948).

    ``shape`` as in ``Expectation``; the Beta distribution has the same mean and variance as the
    Gamma around the share.
    """

    trials: int
    share: float
    shape: float
    clump: float = 1.0

    @property
    def mean(self) -> float:
        """The expected count."""
        return self.trials * self.share

    def tail(self, count: int) -> float:
        """Return the probability of at least ``count`` of the trials; beyond them it is 0."""
        if count <= 0:
            return 1.0
        if count > self.trials:
            return 0.0
        n, k = round(self.trials / self.clump), math.ceil(count / self.clump)
        concentration = self.shape * (1 - self.share) / self.share - 1
        if n - k > MOST_TERMS or concentration <= LEAST_CONCENTRATION:
            return Expectation(self.mean, self.shape, self.clump).tail(count)
        from scipy.special import betaln, gammaln  # noqa: PLC0415

        a, b = self.share * concentration, (1 - self.share) * concentration
        x = np.arange(min(k, n), n + 1)
        ways = gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
        logs = ways + betaln(x + a, n - x + b) - betaln(a, b)
        return float(min(1.0, np.exp(logs).sum()))

    def cut(self, probability: float, least: int) -> int:
        """Return the smallest count, not below ``least``, at most as likely as ``probability``."""
        return smallest(self.tail, probability, least)


def smallest(tail: Callable[[int], float], probability: float, least: int) -> int:
    """Return the smallest count, not below ``least``, whose tail is at most ``probability``."""
    low, high = max(least, 1), max(least, 1)
    while tail(high) > probability:
        low, high = high + 1, high * 2
    while low < high:
        middle = (low + high) // 2
        if tail(middle) > probability:
            low = middle + 1
        else:
            high = middle
    return high


def load() -> None:
    """Load what judging needs, so that the first count that stands out does not wait for it."""
    Expectation(1.0, 1.0).tail(1)
