"""The sets of every session: courses, controllers, addresses and so on (semantics rule 11).

A member is its 64-bit hash. Numbers are read back from it (``unmix64``), texts from the pool.
The member asked for last stands in the session's own row, so that the usual question ("the same
as ever?") costs one comparison; the others fill blocks of four, the newest block first.
A set never holds more than ``CAP`` members: those with the smallest hashes.
"""

from typing import Final, NamedTuple

import numpy as np

from pipeline.sessionize import layout as at
from pipeline.sessionize import set_kernels as kernels
from pipeline.sessionize.arrays import I32, I64, U64, concat
from pipeline.sessionize.hashing import mix64
from pipeline.sessionize.slot_numbers import SlotNumbers
from pipeline.sessionize.store import Store
from pipeline.sessionize.text_pool import TextPool
from pipeline.sessionize.text_views import TextViews

_SETS: Final = len(at.SETS)
_FIRST_BLOCKS: Final = 1024
_AT_ONCE: Final = 1 << 16
"""Slots whose members are looked through at once."""


class Found(NamedTuple):
    """Members of sets in the order asked for, each set's in order of hash.

    The members of set i are those from ``bounds[i]`` up to ``bounds[i + 1]``.
    """

    bounds: I64
    hashes: U64


class MemberSets:
    """Lists, loads and forgets members; ``row_kernels`` adds them.

    ``blocks`` and ``links``: four members, and the number of the set's next block.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.texts = TextPool()
        self.numbers = SlotNumbers()
        self.blocks: U64
        self.links: I32
        self._room(_FIRST_BLOCKS)

    def reserve(self, blocks: int) -> None:
        """See to it that so many blocks are free."""
        self.numbers.reserve(blocks)
        size = len(self.links)
        if self.numbers.end <= size:
            return
        while size < self.numbers.end:
            size *= 2
        former, links = self.blocks, self.links
        self._room(size)
        self.blocks[: len(former)] = former
        self.links[: len(links)] = links

    def load(self, slots: I64, number: int, hashes: U64, texts: TextViews, rows: I64) -> None:
        """Add members, each set's own ones and at most ``CAP``, to a set of new slots."""
        if number in at.TEXT_SETS:
            self.texts.hold(hashes, texts, rows)
        self._load(slots, number, hashes)

    def _load(self, slots: I64, number: int, hashes: U64) -> None:
        # One more than needed: a free block is at hand for every member, taken or not.
        self.reserve(len(hashes) + 1)
        store, free = self._store, self.numbers
        free.count = kernels.load_members(
            store.rows,
            store.sizes,
            store.further,
            self.blocks,
            self.links,
            free.free,
            free.count,
            slots,
            number,
            np.ascontiguousarray(hashes),
        )

    def drop_people(self, slots: I64, people: I64) -> I64:
        """Take people out of the sets of slots (each once); return the slots that had any."""
        hashes = mix64(people.view(np.uint64))
        parts = [slots[first : first + _AT_ONCE] for first in range(0, len(slots), _AT_ONCE)]
        return concat([self._drop(part, hashes) for part in parts])

    def _drop(self, slots: I64, hashes: U64) -> I64:
        found = self.list(slots)
        sets = np.repeat(np.arange(len(found.bounds) - 1), np.diff(found.bounds))
        numbers, owners = np.divmod(sets, len(slots))
        gone = np.isin(found.hashes, hashes) & np.isin(numbers, at.PEOPLE_SETS)
        changed = np.zeros(len(slots), np.bool_)
        changed[owners[gone]] = True
        self._empty(slots[changed])
        for number in range(_SETS):
            kept = changed[owners] & ~gone & (numbers == number)
            self._load(slots[owners[kept]], number, found.hashes[kept])
        # Nothing can be estimated from no member.
        for number in at.PEOPLE_SETS:
            empty = slots[changed][self._store.sizes[slots[changed], number] == 0]
            self._store.rows[empty, at.FLAGS] &= ~(at.CAPPED << number)
        return slots[changed]

    def refill(self, found: Found) -> None:
        """Give the first slots their members anew, which ``list`` found before the store's pack."""
        self.numbers = SlotNumbers()
        self._room(_FIRST_BLOCKS)
        count = (len(found.bounds) - 1) // _SETS
        sizes = np.diff(found.bounds).reshape(_SETS, count)
        for number in range(_SETS):
            bounds = found.bounds[number * count], found.bounds[(number + 1) * count]
            owners = np.repeat(np.arange(count), sizes[number])
            self._load(owners, number, found.hashes[bounds[0] : bounds[1]])

    def _room(self, blocks: int) -> None:
        self.blocks = np.zeros(blocks * kernels.BLOCK, np.uint64)
        self.links = np.zeros(blocks, np.int32)

    def forget(self, slots: I64) -> None:
        """Drop all members of slots."""
        found = self.list(slots)
        for number in at.TEXT_SETS:
            bounds = found.bounds[number * len(slots) : (number + 1) * len(slots) + 1]
            self.texts.release(found.hashes[bounds[0] : bounds[-1]])
        self._empty(slots)

    def _empty(self, slots: I64) -> None:
        self.numbers.count = kernels.forget_members(
            self._store.sizes,
            self._store.further,
            self.links,
            self.numbers.free,
            self.numbers.count,
            slots,
        )

    def list(self, slots: I64) -> Found:
        """Return the members of the first set of each slot, then those of the second, and so on."""
        store = self._store
        bounds = np.zeros(_SETS * len(slots) + 1, np.int64)
        np.cumsum(store.sizes[slots].T.reshape(-1), out=bounds[1:])
        hashes = np.empty(bounds[-1], np.uint64)
        kernels.list_members(
            store.rows,
            store.sizes,
            store.further,
            self.blocks,
            self.links,
            slots,
            bounds,
            hashes,
        )
        return Found(bounds, hashes)
