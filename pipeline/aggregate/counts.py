"""What is counted of every minute, dimension and key, and how counts add up.

Every part merges commutatively: sums, a maximum, a histogram, and bottom-k sets.
"""

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pipeline.domain.event_time import MINUTE

I64 = npt.NDArray[np.int64]

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
SAMPLES: Final = 3
"""Sample request and session ids kept per minute and key."""

MEMBERS: Final = 64
"""Distinct members kept per minute and key, those with the smallest hashes. Deltas carry one
more, so that whoever adds them up knows whether the cap was passed."""

ADDED: Final = (
    *(pl.col(name).sum() for name in SUMS),
    pl.col(MAXIMUM).max(),
    *(pl.col(name).sum() for name in HISTOGRAM),
)
"""Counts → counts: how groups add up."""

_CLASSES: Final = 6
_DENSE: Final = 8
"""Groups are numbered densely while there are at most so many per row."""


class Rows(NamedTuple):
    """The numbers of an event batch that are counted, an entry a row.

    ``status_class`` is 1 to 5, 0 for anything else; ``bucket`` that of the duration; the flags
    are the positions of the rows that have them.
    """

    minute: I64
    status_class: I64
    bucket: I64
    duration: I64
    errors: I64
    writes: I64
    masqueraded: I64
    participations: I64


def rows_of(batch: pl.DataFrame) -> Rows:
    """Return what is counted of an event batch."""
    status = batch["status"].to_numpy().astype(np.int64)
    duration = batch["duration"].to_numpy()
    status_class = status // 100
    # The exponent of a float is floor(log2) + 1, exactly.
    exponent = np.frexp(np.maximum(duration // 1000, 1).astype(np.float64))[1]
    return Rows(
        batch["time"].to_numpy() // MINUTE,
        np.where((status_class >= 1) & (status_class < _CLASSES), status_class, 0),
        np.minimum(exponent - 1, BUCKETS - 1).astype(np.int64),
        duration,
        np.flatnonzero(status >= 400),
        *(
            np.flatnonzero(batch[flag].to_numpy())
            for flag in ("write", "masqueraded", "participated")
        ),
    )


def count(rows: Rows, dimension: str, keys: pl.Series, *, with_status: bool) -> pl.DataFrame:
    """Return one row per minute and key: minute, dimension, key, SUMS, MAXIMUM, HISTOGRAM."""
    encoded = keys.to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
    names = pl.Series(values=encoded.dictionary, dtype=pl.String)
    first = int(rows.minute.min())
    group = (rows.minute - first) * len(names) + encoded.indices.to_numpy(zero_copy_only=False)
    size = (int(rows.minute.max()) - first + 1) * len(names)
    numbers: I64 = np.arange(size)
    if size > _DENSE * len(group) + 1024:
        numbers, group = np.unique(group, return_inverse=True)
        size = len(numbers)
    counted = _counted(rows, group, size, with_status=with_status)
    present = np.flatnonzero(counted["rows"])
    numbers = numbers[present]
    return pl.DataFrame(
        {
            "minute": (first + numbers // len(names)) * MINUTE,
            "dimension": pl.Series([dimension]).new_from_index(0, len(present)),
            "key": names.gather(numbers % len(names)),
            **{name: values[present] for name, values in counted.items()},
        }
    )


def _counted(rows: Rows, group: I64, size: int, *, with_status: bool) -> dict[str, I64]:
    def of(positions: I64) -> I64:
        return np.bincount(group[positions], minlength=size).astype(np.int64, copy=False)

    def split(values: I64, kinds: int) -> I64:
        counts = np.bincount(group * kinds + values, minlength=size * kinds)
        return counts.reshape(size, kinds).astype(np.int64, copy=False)

    longest = np.zeros(size, np.int64)
    np.maximum.at(longest, group, rows.duration)
    classes = split(rows.status_class, _CLASSES)
    total = classes.sum(axis=1)
    histogram = split(rows.bucket, BUCKETS)
    # Sums of durations stay far below 2^53, where floats stop being exact.
    durations = np.bincount(group, rows.duration, minlength=size).astype(np.int64)
    return {
        "rows": total,
        **{f"status_{c}xx": classes[:, c] for c in range(1, _CLASSES)},
        "status_other": classes[:, 0] if with_status else np.zeros(size, np.int64),
        "errors": of(rows.errors),
        "writes": of(rows.writes),
        "masqueraded": of(rows.masqueraded),
        "participations": of(rows.participations),
        "duration_sum": durations,
        MAXIMUM: longest,
        **{name: histogram[:, i] for i, name in enumerate(HISTOGRAM)},
    }


def histograms(counts: pl.DataFrame, *, empty: bool) -> pl.Series:
    """Return the HISTOGRAM columns as one list a row; empty lists where there are none."""
    if empty:
        return pl.Series([[]], dtype=pl.List(pl.Int64)).new_from_index(0, counts.height)
    # A matrix becomes lists at once; polars' concat_list costs thirty times as much.
    return matrix_lists(counts.select(HISTOGRAM).to_numpy())


def matrix_lists(matrix: I64) -> pl.Series:
    """Return the rows of an integer matrix as lists."""
    lists = pl.Series(np.ascontiguousarray(matrix, np.int64))
    return lists.cast(pl.List(pl.Int64)) if len(matrix) else pl.Series([], dtype=pl.List(pl.Int64))


def text_lists(lists: list[list[str]]) -> pl.Series:
    """Return lists of texts; through Arrow, for polars makes a Series of each list otherwise."""
    return pl.Series(values=pa.array(lists, pa.large_list(pa.large_string())))
