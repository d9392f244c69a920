"""Seeded randomness for a loop over requests."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import TypeVar

import numpy as np

T = TypeVar("T")

# Numbers are drawn this many at a time: a draw then costs 40 ns instead of the 500 ns of a
# call into numpy.
POOL = 8192


class Dice:
    """One stream of random values; the same entropy gives the same stream."""

    __slots__ = ("_digits", "normal", "uniform")

    def __init__(self, *entropy: int) -> None:
        rng = np.random.default_rng(entropy)
        self.uniform: Callable[[], float] = _uniforms(rng).__next__
        self.normal: Callable[[], float] = _normals(rng).__next__
        self._digits: Callable[[], str] = _hex32(rng).__next__

    def chance(self, probability: float) -> bool:
        """Come true with this probability."""
        return self.uniform() < probability

    def below(self, limit: int) -> int:
        """Draw one of 0 … limit - 1."""
        return int(self.uniform() * limit)

    def pick(self, among: Sequence[T]) -> T:
        """Draw one of the values, each as likely."""
        return among[int(self.uniform() * len(among))]

    def log_normal(self, median: float, sigma: float) -> float:
        """Draw from a log-normal distribution, in the median's unit."""
        return median * math.exp(sigma * self.normal())

    def exponential(self, mean: float) -> float:
        """Draw a waiting time, in the mean's unit."""
        return -mean * math.log(1.0 - self.uniform())

    def geometric(self, mean: float) -> int:
        """Draw a count of at least 1 with this mean."""
        if mean <= 1:
            return 1
        return 1 + int(math.log(1.0 - self.uniform()) / math.log(1.0 - 1.0 / mean))

    def poisson(self, mean: float) -> int:
        """Draw a count of arrivals; cost grows with the mean."""
        count = -1
        left = mean
        while left >= 0:
            left -= self.exponential(1.0)
            count += 1
        return count

    def sample(self, among: Sequence[T], size: int) -> list[T]:
        """Draw `size` different positions' values, or all there are if fewer."""
        rest = list(among)
        size = min(size, len(rest))
        for i in range(size):
            j = i + self.below(len(rest) - i)
            rest[i], rest[j] = rest[j], rest[i]
        return rest[:size]

    def hex32(self) -> str:
        """Draw 128 bits as Canvas writes a session id: 32 lower-case hex digits."""
        return self._digits()

    def uuid4(self) -> str:
        """Draw a request id: a dashed UUID of version 4."""
        h = self._digits()
        return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-{'89ab'[int(h[16], 16) & 3]}{h[17:20]}-{h[20:]}"


def cumulative(weights: Sequence[float]) -> list[float]:
    """Give the running shares of the weights, for `bisect` with a uniform draw."""
    total = sum(weights)
    shares = [w / total for w in accumulate(weights)]
    shares[-1] = 1.0
    return shares


def _uniforms(rng: np.random.Generator) -> Iterator[float]:
    while True:
        yield from rng.random(POOL).tolist()


def _normals(rng: np.random.Generator) -> Iterator[float]:
    while True:
        yield from rng.standard_normal(POOL).tolist()


def _hex32(rng: np.random.Generator) -> Iterator[str]:
    while True:
        digits = rng.bytes(16 * POOL).hex()
        yield from (digits[i : i + 32] for i in range(0, 32 * POOL, 32))
