"""Distinct members of each held identity: added up, bounded, and given out as columns.

Members are numbered texts, a pair of an identity's slot and a member is held once, and the pairs of
a slot are a chain. Python sees only slots with more than ``most`` members: of those the ones with
the smallest hashes stay (bottom-k), whatever the order in which they come.
"""

from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pipeline.aggregate import count_kernels
from pipeline.aggregate.arrays import longer
from pipeline.aggregate.arrow_texts import I64
from pipeline.aggregate.batch_columns import TextViews, text_views
from pipeline.aggregate.indexes import PairIndex, TextIndex
from pipeline.aggregate.members import estimated_distinct, smallest_by_hash

_END: Final = -1
_SPARE: Final = 65_536
"""Pairs left behind that are not worth packing for."""

_NO_NULLS: Final = np.zeros(0, np.uint8)

Flags = npt.NDArray[np.bool_]


class MemberColumns(NamedTuple):
    """A row for each slot: members ascending, how many there were, whether some were left out."""

    members: "pa.LargeListArray[Any]"
    distinct: I64
    capped: Flags


class HeldMembers:
    """At most ``most`` members of every slot."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._texts, self._pairs = TextIndex(), PairIndex()
        self._alive: Flags = np.zeros(0, bool)
        self._nexts: I64 = np.empty(0, np.int64)
        self._heads: I64 = np.empty(0, np.int64)
        self._counts: I64 = np.zeros(0, np.int64)
        self._capped: Flags = np.zeros(0, bool)
        self._held = 0

    def add(self, slots: I64, members: TextViews) -> None:
        """Note a member for each row's slot."""
        if len(slots) == 0:
            return
        self._reach(int(slots.max()) + 1)
        numbers = self._texts.numbers_of_views(0, members, _NO_NULLS)
        pairs = self._pairs.numbers(slots, numbers)
        self._alive = longer(self._alive, len(self._pairs), filled_with=False)
        self._nexts = longer(self._nexts, len(self._pairs), filled_with=_END)
        fresh = pairs[count_kernels.first_rows(pairs, self._alive)]
        if len(fresh) == 0:
            return
        grown = self._pairs.left[fresh]
        self._held += len(fresh)
        count_kernels.link(fresh, grown, self._heads, self._nexts)
        np.add.at(self._counts, grown, 1)
        for slot in np.unique(grown[self._counts[grown] > self._most]).tolist():
            self._bound(slot)

    def cap(self, slots: I64) -> None:
        """Note that members of slots were left out before."""
        if len(slots):
            self._reach(int(slots.max()) + 1)
            self._capped[slots] = True

    def columns(self, slots: I64) -> MemberColumns:
        """Return the members of slots."""
        self._reach(int(slots.max(initial=-1)) + 1)
        counts, capped = self._counts[slots], self._capped[slots]
        numbers = self._pairs.right[self._walk(slots)]
        # Most slots have one member; only the others need an order.
        places = np.flatnonzero(np.repeat(counts > 1, counts))
        if len(places):
            several = {
                "row": np.repeat(np.arange(len(slots)), counts)[places],
                "text": self._texts.texts(numbers[places]).series(),
                "number": numbers[places],
            }
            numbers[places] = pl.DataFrame(several).sort("row", "text")["number"].to_numpy()
        lists = self._texts.texts(numbers).lists(counts).arrow()
        distinct = counts.copy()
        for row in np.flatnonzero(capped).tolist():
            distinct[row] = estimated_distinct(lists[row].as_py(), self._most, capped=True)
        return MemberColumns(lists, distinct, capped)

    def forget(self, slots: I64) -> None:
        """Forget the members of slots; each is named once."""
        slots = slots[slots < len(self._heads)]
        gone = self._walk(slots)
        self._alive[gone] = False
        self._held -= len(gone)
        self._heads[slots] = _END
        self._counts[slots] = 0
        self._capped[slots] = False

    @property
    def is_sparse(self) -> bool:
        """Whether packing would free more than it keeps."""
        return len(self._pairs) > 2 * self._held + _SPARE

    def packed(self, slots: I64 | None = None) -> Self:
        """Return the same without what was left behind: all, or slots numbered in their order."""
        if slots is None:
            slots = np.arange(len(self._heads))
        self._reach(int(slots.max(initial=-1)) + 1)
        texts = self._texts.texts(self._pairs.right[self._walk(slots)])
        other = type(self)(self._most)
        of = np.repeat(np.arange(len(slots)), self._counts[slots])
        other.add(of, text_views(texts.series()))
        other.cap(np.flatnonzero(self._capped[slots]))
        return other

    def _bound(self, slot: int) -> None:
        """Leave out members of a slot that has too many."""
        pairs = self._walk(np.array([slot]))
        texts = self._texts.texts(self._pairs.right[pairs]).series().to_list()
        kept = set(smallest_by_hash(texts, self._most))
        stay = np.array([text in kept for text in texts])
        self._alive[pairs[~stay]] = False
        self._heads[slot] = _END
        stays = pairs[stay]
        count_kernels.link(stays, np.full(len(stays), slot), self._heads, self._nexts)
        self._held -= len(pairs) - len(stays)
        self._counts[slot] = len(stays)
        self._capped[slot] = True

    def _walk(self, slots: I64) -> I64:
        """Return the pairs of slots, those of the first one first."""
        found = np.empty(int(self._counts[slots].sum()), np.int64)
        count_kernels.walk_minutes(slots, self._heads, self._nexts, found)
        return found

    def _reach(self, slots: int) -> None:
        self._heads = longer(self._heads, slots, filled_with=_END)
        self._counts = longer(self._counts, slots, filled_with=0)
        self._capped = longer(self._capped, slots, filled_with=False)
