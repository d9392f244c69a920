"""What is counted of every minute, dimension and key, and how counts add up.

Every part merges commutatively: sums, a maximum, a histogram, and bottom-k sets. The numbers of a
group are one row of an integer matrix, in the order of ``NUMBERS``.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pipeline.aggregate import count_kernels
from pipeline.aggregate.arrow_texts import I64, lists_of, longs_of, offsets_of
from pipeline.aggregate.dimensions import DIMENSIONS, Wide
from pipeline.domain.feeds import WEB_LOGS

BUCKETS: Final = 16
"""Duration buckets: bucket i counts [2^i, 2^(i+1)) ms; the last starts at 32.8 s."""

SUMS: Final = (
    "rows",
    "status_1xx",
    "status_2xx",
    "status_3xx",
    "status_4xx",
    "status_5xx",
    "status_other",
    "errors",
    "writes",
    "masqueraded",
    "participations",
    "duration_sum",
)
MAXIMUM: Final = "duration_max"
HISTOGRAM: Final = tuple(f"bucket_{i}" for i in range(BUCKETS))
NUMBERS: Final = (*SUMS, MAXIMUM, *HISTOGRAM)
"""Columns of a matrix of numbers; ``count_kernels`` names them by their place."""

FOLDED: Final = len(NUMBERS)
"""The column behind them: what was folded into a group because its minute is full."""

WIDTH: Final = FOLDED + 1

PLAIN: Final = len(SUMS) + 1
"""Columns before the histogram."""

SAMPLES: Final = 3
"""Sample request and session ids kept per minute and key."""

MEMBERS: Final = 64
"""Distinct members kept per minute and key, those with the smallest hashes. Deltas carry one
more, so that whoever adds them up knows whether the cap was passed."""


class Counted(NamedTuple):
    """Columns of an event batch as the kernels take them; ``minute`` in whole minutes."""

    minute: I64
    status: npt.NDArray[np.int32]
    duration: I64
    writes: npt.NDArray[np.bool_]
    masqueraded: npt.NDArray[np.bool_]
    participations: npt.NDArray[np.bool_]


class GivenOut(NamedTuple):
    """Numbers of groups: of histogram ``i`` the buckets from ``bounds[i]`` on, and ``FOLDED``."""

    bounds: I64
    buckets: I64
    folded: I64

    def durations(self) -> "pa.LargeListArray[Any]":
        """Return the histograms as Arrow lists."""
        return lists_of(self.bounds, longs_of(self.buckets))


def given_out(groups: I64, timed: npt.NDArray[np.bool_], numbers: I64, plain: I64) -> GivenOut:
    """Return the numbers of groups; histograms of those that are ``timed``, of others empty lists.

    ``numbers`` has ``WIDTH`` columns; ``plain`` gets a line for each of the first ``PLAIN``.
    """
    folded = np.empty(len(groups), np.int64)
    buckets = np.empty(BUCKETS * int(np.count_nonzero(timed)), np.int64)
    count_kernels.give_out(groups, timed, numbers, plain, folded, buckets)
    return GivenOut(offsets_of(timed * BUCKETS), buckets, folded)


def are_timed(feeds: pl.Series, dimensions: pl.Series) -> npt.NDArray[np.bool_]:
    """Return which identities have a histogram: requests alone have durations.

    Neither have narrow dimensions: what is asked of them is who and how many.
    """
    return ((feeds == WEB_LOGS) & dimensions.is_in(_TIMED)).to_numpy()


_TIMED: Final = tuple(one.name for one in DIMENSIONS if isinstance(one, Wide))


def roomy(numbers: I64, rows: int) -> I64:
    """Return the matrix with at least so many rows, new ones zero; it doubles when it grows."""
    if rows <= len(numbers):
        return numbers
    larger = np.zeros((2 * rows, numbers.shape[1]), np.int64)
    larger[: len(numbers)] = numbers
    return larger
