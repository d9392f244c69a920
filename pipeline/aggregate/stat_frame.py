"""Request stats as records: their order, and the columns of a frame."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.aggregate.arrow_texts import I64
from pipeline.aggregate.counts import (
    MAXIMUM,
    SUMS,
    are_timed,
    histograms,
    plain_columns,
)
from pipeline.aggregate.held import FOLDED, Identities
from pipeline.aggregate.held_members import MemberColumns
from pipeline.aggregate.indexes import TextIndex

STAT_COLUMNS: Final = (
    "feed",
    "minute",
    "dimension",
    "key",
    "status",
    "version",
    *SUMS,
    MAXIMUM,
    "durations",
    "members",
    "sample_request_ids",
    "sample_session_ids",
    "members_distinct",
    "members_capped",
    "keys_folded",
)
_STATUS: Final = pl.Series(["open", "closed", "final"])


class Sorted(NamedTuple):
    """``identities`` as sorted columns, and the ``order`` that sorts other columns alike.

    ``runs``: the first row of each feed, minute and dimension, and the end.
    """

    identities: dict[str, pl.Series | I64]
    order: I64
    runs: I64

    def most_keys(self, counted: npt.NDArray[np.bool_]) -> int:
        """Return the most rows of a minute and dimension, among rows that are counted."""
        lengths = np.diff(self.runs)
        return int(lengths[counted[self.runs[:-1]]].max(initial=0))


def in_order(rows: Identities, keys: I64, names: TextIndex) -> Sorted:
    """Sort by minute, feed, dimension and key; ``keys`` are numbers of the keys."""
    every_name = names.texts(np.arange(len(names))).series()
    name_rank = _ranks(every_name)
    distinct, first, key = np.unique(keys, return_index=True, return_inverse=True)
    texts = rows.keys.series()
    key_rank = _ranks(texts.gather(first))[key] if len(distinct) else key
    space = name_rank[rows.feeds] * len(names) + name_rank[rows.dimensions]
    order = np.lexsort((space * max(len(distinct), 1) + key_rank, rows.minutes))
    minutes, space = rows.minutes[order], space[order]
    turns = np.flatnonzero((np.diff(minutes) != 0) | (np.diff(space) != 0)) + 1
    runs = np.concatenate([[0], turns, [len(order)]]) if len(order) else np.zeros(1, np.int64)
    columns: dict[str, pl.Series | I64] = {
        "feed": every_name.gather(rows.feeds[order]),
        "minute": minutes,
        "dimension": every_name.gather(rows.dimensions[order]),
        "key": texts.gather(order),
    }
    return Sorted(columns, order, runs)


def stat_frame(
    *,
    identities: dict[str, pl.Series | I64],
    states: npt.NDArray[np.int8],
    numbers: I64,
    members: MemberColumns,
    samples: Sequence[pl.Series],
    version: int,
) -> pl.DataFrame:
    """Return records (STAT_COLUMNS), a row for each state and row of numbers.

    ``samples``: lists of request and session ids.
    """
    rows = len(states)
    timed = are_timed(pl.Series(identities["feed"]), pl.Series(identities["dimension"]))
    timed &= numbers[:, FOLDED] == 0
    return pl.DataFrame(
        {
            **identities,
            "status": _STATUS.gather(states),
            "version": np.full(rows, version),
            **plain_columns(numbers),
            "durations": histograms(numbers[:, :FOLDED], timed),
            "members": members.members,
            "sample_request_ids": samples[0],
            "sample_session_ids": samples[1],
            "members_distinct": members.distinct,
            "members_capped": members.capped,
            "keys_folded": np.ascontiguousarray(numbers[:, FOLDED]),
        }
    ).select(STAT_COLUMNS)


def _ranks(texts: pl.Series) -> I64:
    """Return the place of each text in the order of all."""
    ranks = np.empty(len(texts), np.int64)
    ranks[texts.arg_sort().to_numpy()] = np.arange(len(texts))
    return ranks
