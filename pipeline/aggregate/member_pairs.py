"""Which members each group has, collected between two commits."""

import numpy as np
import polars as pl

from pipeline.aggregate import member_kernels
from pipeline.aggregate.arrow_texts import I64, Texts, TextsInLists, offsets_of, texts_of
from pipeline.aggregate.indexes import PairIndex, TextIndex
from pipeline.aggregate.members import smallest_by_hash


class MemberPairs:
    """Distinct pairs of a group and a member; groups are small integers.

    What is held grows with distinct pairs, of which rows of one commit have at most one each.
    """

    def __init__(self) -> None:
        self._members, self._pairs = TextIndex(), PairIndex()

    def add(self, groups: I64, members: Texts) -> None:
        """Note a member for each row's group."""
        numbers = self._members.numbers(np.zeros(len(groups), np.int64), members)
        self._pairs.numbers(groups, numbers)

    def lists(self, order: I64, most: int) -> TextsInLists:
        """Return the members of groups as lists, ascending; of more than ``most`` a bottom-k."""
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        places = place[self._pairs.left]
        counts = np.bincount(places, minlength=len(order))
        bounds, numbers = offsets_of(counts), np.empty(len(places), np.int64)
        member_kernels.sort_members(
            places, self._pairs.right, bounds, most, *self._members.memory, numbers
        )
        kept = self._members.texts(numbers)
        if (counts > most).any():
            kept = texts_of(_bounded(kept.series(), counts, most))
            counts = np.minimum(counts, most)
        return kept.lists(counts)

    def clear(self) -> None:
        """Forget everything; the room it took stays."""
        self._members.clear()
        self._pairs.clear()


def _bounded(members: pl.Series, counts: I64, most: int) -> pl.Series:
    """Cut the lists that are too long."""
    ends = np.concatenate([[0], np.cumsum(counts)])
    parts, done = [], 0
    for group in np.flatnonzero(counts > most).tolist():
        start, end = int(ends[group]), int(ends[group + 1])
        few = smallest_by_hash(members[start:end].to_list(), most)
        parts += [members[done:start], pl.Series(few, dtype=pl.String)]
        done = end
    return pl.concat([*parts, members[done:]], rechunk=True)
