"""How much a person usually does as others, per spell of masquerading.

A spell is an aligned block of minutes in which the person masqueraded at all. The person's own
past is leaned on as far as it goes, the population's where it does not, and the rule's prior
where nobody has been seen yet.
"""

from dataclasses import dataclass
from typing import NamedTuple

from pipeline.detect.count_tail import Expectation


class HelpModel(NamedTuple):
    """What is assumed of a spell before anything was seen, and how many spells that counts for."""

    prior: float
    prior_weight: float
    population_weight: float
    dispersion: float
    half_life_min: int


@dataclass(slots=True)
class FadingMean:
    """Decayed number of spells and sum over them, up to minute ``at``."""

    spells: float = 0.0
    amount: float = 0.0
    at: int = 0

    def learn(self, minute: int, amount: float, half_life_min: int) -> None:
        """Take a spell that was not flagged; spells come in order."""
        fade = self._fade(minute, half_life_min)
        self.spells = self.spells * fade + 1
        self.amount = self.amount * fade + amount
        self.at = minute

    def blended(
        self, minute: int, prior: float, weight: float, half_life_min: int
    ) -> tuple[float, float]:
        """Return the mean with a prior worth ``weight`` spells, and the spells of both."""
        fade = self._fade(minute, half_life_min)
        spells = self.spells * fade + weight
        return (self.amount * fade + prior * weight) / spells, spells

    def _fade(self, minute: int, half_life_min: int) -> float:
        return float(0.5 ** ((minute - self.at) / half_life_min)) if self.spells else 0.0


def expect(own: FadingMean, crowd: FadingMean, minute: int, model: HelpModel) -> Expectation:
    """Return what a spell of a person usually brings: uncertain mean, scatter between spells."""
    half_life = model.half_life_min
    prior, _ = crowd.blended(minute, model.prior, model.population_weight, half_life)
    mean, spells = own.blended(minute, prior, model.prior_weight, half_life)
    return Expectation(mean, 1.0 / (1.0 / max(mean * spells, 0.1) + model.dispersion))
