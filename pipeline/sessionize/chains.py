"""Which live sessions an id has: a chain from the latest to the earliest."""

from typing import NamedTuple

import numpy as np

from pipeline.sessionize import layout as at
from pipeline.sessionize.arrays import I64, U64, Flags, concat
from pipeline.sessionize.hash_index import HashIndex
from pipeline.sessionize.sorting import starts_of
from pipeline.sessionize.store import Store


class Members(NamedTuple):
    """Slots, and for each the place of its id among those asked for."""

    owners: I64
    slots: I64


class Chains:
    """Finds, links and removes the slots of ids; the links are a column of the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.index = HashIndex()

    def heads(self, ids: U64) -> I64:
        """Return one slot of each id, -1 if it has none."""
        return self.index.get(ids)

    def members(self, heads: I64) -> Members:
        """Return all slots of the chains that start there; -1 starts none."""
        owners = np.flatnonzero(heads >= 0)
        slots = heads[owners]
        all_owners, all_slots = [owners], [slots]
        while len(slots):
            following = self._store.rows[slots, at.NEXT]
            more = following >= 0
            owners, slots = owners[more], following[more]
            all_owners.append(owners)
            all_slots.append(slots)
        return Members(concat(all_owners), concat(all_slots))

    def relink(self, ids: U64, known: Flags, members: Members) -> None:
        """Make the given slots, by owner and from latest to earliest, the chains of the ids.

        ``known``: whether the id has a chain already. An id without slots is forgotten.
        """
        first = starts_of(members.owners[1:] != members.owners[:-1])[: len(members.owners)]
        links = np.empty(len(members.slots), np.int64)
        links[:-1] = members.slots[1:]
        last = np.append(first[1:], len(links)) - 1
        links[last[: len(first)]] = -1
        self._store.rows[members.slots, at.NEXT] = links
        owners, heads = members.owners[first], members.slots[first]
        gone = known.copy()
        gone[owners] = False
        self.index.delete(ids[gone])
        self.index.put(ids[owners], heads)

    def remove(self, slots: I64) -> None:
        """Take retired slots out of their chains."""
        if not len(slots):
            return
        ids = self._store.rows[slots, at.ID_HASH].view(np.uint64)
        alone = (self.index.get(ids) == slots) & (self._store.rows[slots, at.NEXT] < 0)
        self.index.delete(ids[alone])
        if alone.all():
            return
        ids = np.unique(ids[~alone])
        owners, chained = self.members(self.index.get(ids))
        kept = self._store.live(chained)
        owners, chained = owners[kept], chained[kept]
        order = np.argsort(owners, kind="stable")
        self.relink(ids, np.ones(len(ids), np.bool_), Members(owners[order], chained[order]))
