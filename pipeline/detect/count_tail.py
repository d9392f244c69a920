"""How unlikely a count is under the level that was usual before.

The count of a window is modelled as negative binomial: Poisson around a rate that is itself
uncertain and varies (Gamma with ``shape``); shape → ∞ is Poisson. Its upper tail is the
regularised incomplete beta function (NIST DLMF 8.17.5).

What comes in clumps (one person tries again) is no sequence of independent events: with a mean
clump of c, n events say as much as n / c independent ones (quasi-likelihood).
"""

from typing import NamedTuple


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

    def cut(self, probability: float, least: int) -> int:
        """Return the smallest count, not below ``least``, at most as likely as ``probability``."""
        low, high = max(least, 1), max(least, 1)
        while self.tail(high) > probability:
            low, high = high + 1, high * 2
        while low < high:
            middle = (low + high) // 2
            if self.tail(middle) > probability:
                low = middle + 1
            else:
                high = middle
        return high


def load() -> None:
    """Load what judging needs, so that the first count that stands out does not wait for it."""
    Expectation(1.0, 1.0).tail(1)
