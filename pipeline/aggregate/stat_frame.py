"""Request stats as records: their order, and the columns of a frame."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pipeline.aggregate.arrow_texts import I64, Texts, texts_of
from pipeline.aggregate.counts import FOLDED, MAXIMUM, PLAIN, SUMS, are_timed, given_out
from pipeline.aggregate.held import Identities
from pipeline.aggregate.held_members import MemberColumns
from pipeline.aggregate.indexes import TextIndex
from pipeline.domain.event_time import MINUTE
from pipeline.domain.feeds import WEB_LOGS

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
_STATUS: Final = texts_of(pl.Series(["open", "closed", "final"]))


StatColumns: TypeAlias = dict[str, "pa.Array[Any] | npt.NDArray[Any]"]
"""Arrow arrays of texts and lists, and arrays of numbers and flags; none has a null."""


class Sorted(NamedTuple):
    """``identities`` as sorted columns, and the ``order`` that sorts other columns alike.

    ``timed``: which identities have a histogram. ``runs``: the first row of each feed, minute and
    dimension, and the end.
    """

    identities: StatColumns
    timed: npt.NDArray[np.bool_]
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
    space = name_rank[rows.feeds] * len(names) + name_rank[rows.dimensions]
    order = _order(rows.minutes, space, _key_ranks(rows.keys, keys))
    minutes, space = rows.minutes[order], space[order]
    turns = np.flatnonzero((np.diff(minutes) != 0) | (np.diff(space) != 0)) + 1
    runs = np.concatenate([[0], turns, [len(order)]]) if len(order) else np.zeros(1, np.int64)
    feeds, dimensions = rows.feeds[order], rows.dimensions[order]
    columns: StatColumns = {
        "feed": names.texts(feeds).arrow(),
        "minute": minutes,
        "dimension": names.texts(dimensions).arrow(),
        "key": rows.keys.some(order).arrow(),
    }
    of_requests = pl.Series([WEB_LOGS]).new_from_index(0, len(every_name))
    timed = are_timed(of_requests, every_name)[dimensions]
    timed &= (every_name == WEB_LOGS).to_numpy()[feeds]
    return Sorted(columns, timed, order, runs)


def _key_ranks(texts: Texts, keys: I64) -> tuple[I64, int]:
    """Return the place of each row's key in the order of all, and how many there are."""
    distinct, first, key = np.unique(keys, return_index=True, return_inverse=True)
    if not len(distinct):
        return keys, 1
    return _ranks(texts.some(first).series())[key], len(distinct)


def _order(minutes: I64, spaces: I64, ranks: tuple[I64, int]) -> I64:
    """Return the order by minute, space and key; no two rows have all of them alike."""
    key, count = ranks
    within = spaces * count + key
    if not len(within):
        return within
    since = (minutes - minutes.min()) // MINUTE
    width = int(within.max()) + 1
    if int(since.max()) < (1 << 62) // width:
        # One number a row is sorted in a fraction of the time that two take.
        return np.argsort(since * width + within)
    return np.lexsort((within, minutes))


def stat_columns(
    identities: StatColumns,
    timed: npt.NDArray[np.bool_],
    *,
    states: npt.NDArray[np.int8],
    slots: I64,
    numbers: I64,
    members: MemberColumns,
    samples: Sequence[Any],
    version: int,
) -> StatColumns:
    """Return the columns of records (STAT_COLUMNS), a row for each state and slot.

    ``numbers`` has a row for every slot there is. ``samples``: lists of request and session ids.
    """
    timed = timed & (numbers[slots, FOLDED] == 0)
    plain = np.empty((PLAIN, len(slots)), np.int64)
    given = given_out(slots, timed, numbers, plain)
    columns: StatColumns = {
        **identities,
        "status": _STATUS.some(states.astype(np.int64)).arrow(),
        "version": np.full(len(states), version),
        **dict(zip((*SUMS, MAXIMUM), plain, strict=True)),
        "durations": given.durations(),
        "members": members.members,
        "sample_request_ids": samples[0],
        "sample_session_ids": samples[1],
        "members_distinct": members.distinct,
        "members_capped": members.capped,
        "keys_folded": given.folded,
    }
    return {name: columns[name] for name in STAT_COLUMNS}


def frame_of(columns: StatColumns) -> pl.DataFrame:
    """Return the columns as a frame."""
    return pl.DataFrame([pl.Series(name, column) for name, column in columns.items()])


def _ranks(texts: pl.Series) -> I64:
    """Return the place of each text in the order of all."""
    ranks = np.empty(len(texts), np.int64)
    ranks[texts.arg_sort().to_numpy()] = np.arange(len(texts))
    return ranks
