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
from pipeline.sessionize.arrays import I32, I64, U64
from pipeline.sessionize.slot_numbers import SlotNumbers
from pipeline.sessionize.store import Store
from pipeline.sessionize.text_pool import KnownTexts, TextPool

_SETS: Final = len(at.SETS)
_FIRST_BLOCKS: Final = 1024


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
        self.blocks: U64 = np.zeros(_FIRST_BLOCKS * kernels.BLOCK, np.uint64)
        self.links: I32 = np.full(_FIRST_BLOCKS, -1, np.int32)

    def reserve(self, blocks: int) -> None:
        """See to it that so many blocks are free."""
        self.numbers.reserve(blocks)
        size = len(self.links)
        if self.numbers.end <= size:
            return
        while size < self.numbers.end:
            size *= 2
        blocks_then = np.zeros(size * kernels.BLOCK, np.uint64)
        links_then = np.zeros(size, np.int32)
        blocks_then[: len(self.blocks)] = self.blocks
        links_then[: len(self.links)] = self.links
        self.blocks, self.links = blocks_then, links_then

    def load(self, slots: I64, number: int, hashes: U64, texts: KnownTexts) -> None:
        """Add members, each set's own ones and at most ``CAP``, to a set of new slots."""
        if number in at.TEXT_SETS:
            self.texts.hold(hashes, texts)
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

    def forget(self, slots: I64) -> None:
        """Drop all members of slots."""
        found = self.list(slots)
        for number in at.TEXT_SETS:
            bounds = found.bounds[number * len(slots) : (number + 1) * len(slots) + 1]
            self.texts.release(found.hashes[bounds[0] : bounds[-1]])
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
