"""Which members each group has, collected between two commits."""

import numpy as np
import polars as pl

from pipeline.aggregate.arrow_texts import I64, Texts, texts_of
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

    def lists(self, order: I64, most: int) -> pl.Series:
        """Return the members of groups as lists, ascending; of more than ``most`` a bottom-k."""
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        members = self._members.texts(self._pairs.right).series()
        pairs = pl.DataFrame({"place": place[self._pairs.left], "member": members})
        pairs = pairs.sort("place", "member")
        counts = np.bincount(pairs["place"].to_numpy(), minlength=len(order))
        kept = pairs["member"]
        if (counts > most).any():
            kept = _bounded(kept, counts, most)
            counts = np.minimum(counts, most)
        return texts_of(kept).lists(counts)

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
