"""The sets of every session: courses, controllers, addresses and so on (semantics rule 11).

A member is its 64-bit hash. Numbers are read back from it (``unmix64``), texts from the pool.
The member added last stands in the session's own row, so that the usual question ("the same
as ever?") costs one comparison; the others fill blocks of four, the newest block first.
A set never holds more than ``CAP`` members: those with the smallest hashes.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from pipeline.sessionize import layout as at
from pipeline.sessionize.arrays import I32, I64, U64, Flags, concat
from pipeline.sessionize.candidates import Candidates
from pipeline.sessionize.slot_numbers import SlotNumbers
from pipeline.sessionize.sorting import starts_of
from pipeline.sessionize.store import Store
from pipeline.sessionize.text_pool import KnownTexts, TextPool

_SETS: Final = len(at.SETS)
_BLOCK: Final = 4
_LARGEST: Final = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


class Found(NamedTuple):
    """Members of sets in the order asked for, each set's in order of hash.

    The members of set i are those from ``bounds[i]`` up to ``bounds[i + 1]``.
    """

    bounds: I64
    hashes: U64


class MemberSets:
    """Adds, lists and forgets members. A set's key is slot * number of sets + its number."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.texts = TextPool()
        self._numbers = SlotNumbers()
        self._blocks: U64 = np.zeros((1024, _BLOCK), np.uint64)
        self._links: I32 = np.full(1024, -1, np.int32)

    def add(self, candidates: Candidates) -> None:
        """Add members to slots; those that are in already change nothing."""
        hashes, keys = candidates.hashes, candidates.owners * _SETS + candidates.sets
        heads = self._heads(keys)
        # The hash 0 may stand for "no member": it is looked up properly below.
        unsure = np.flatnonzero((heads != hashes) | (hashes == 0))
        if not len(unsure):
            return
        keys, hashes = _distinct(keys[unsure], hashes[unsure])
        new = self._missing(keys, hashes)
        keys, hashes = keys[new], hashes[new]
        if len(keys):
            self._insert(keys, hashes, candidates.texts)

    def load(self, slots: I64, number: int, hashes: U64, texts: KnownTexts) -> None:
        """Add members, at most ``CAP`` a set, to sets of new slots, grouped by slot."""
        self._append(slots * _SETS + number, hashes, texts)

    def move(self, sources: I64, targets: I64) -> None:
        """Add all members of the source slots to the target slots and forget the sources."""
        keys = set_keys(sources)
        found = self.list(keys)
        sizes = np.diff(found.bounds)
        sets, owners = np.repeat(keys % _SETS, sizes), np.repeat(np.tile(targets, _SETS), sizes)
        self.add(Candidates(owners, sets, found.hashes, KnownTexts()))
        self._forget(keys, found)

    def forget(self, slots: I64) -> None:
        """Drop all members of slots."""
        keys = set_keys(slots)
        self._forget(keys, self.list(keys))

    def list(self, keys: I64) -> Found:
        """Return the members of sets."""
        sizes = self._sizes[keys].astype(np.int64)
        bounds = np.concatenate((np.zeros(1, np.int64), np.cumsum(sizes)))
        hashes = np.empty(bounds[-1], np.uint64)
        single = np.flatnonzero(sizes == 1)
        hashes[bounds[single]] = self._heads(keys[single])
        blocks = _blocks_of(sizes)
        for count in range(1, int(blocks.max(initial=0)) + 1):
            which = np.flatnonzero(blocks == count)
            table = self._table(keys[which], sizes[which], count)
            place = np.arange(table.shape[1])
            filled = place < sizes[which, None]
            hashes[(bounds[which, None] + place)[filled]] = table[filled]
        return Found(bounds, hashes)

    def _table(self, keys: I64, sizes: I64, count: int) -> U64:
        """Return sets of as many blocks, one a row, each in order of hash, filled up at the end."""
        table = np.empty((len(keys), 1 + _BLOCK * count), np.uint64)
        table[:, 0] = self._heads(keys)
        block = self._further[keys]
        for first in range(1, table.shape[1], _BLOCK):
            table[:, first : first + _BLOCK] = self._blocks.take(block, axis=0)
            block = self._links[block]
        in_newest = (sizes - 2) % _BLOCK
        for cell in range(1, _BLOCK):
            table[in_newest < cell, 1 + cell] = _LARGEST
        table.sort(axis=1)
        return table

    @property
    def _sizes(self) -> Any:
        return self._store.sizes.reshape(-1)

    @property
    def _further(self) -> I32:
        return self._store.further.reshape(-1)

    def _head_places(self, keys: I64) -> I64:
        return keys // _SETS * at.WIDTH + at.HEADS + keys % _SETS

    def _heads(self, keys: I64) -> U64:
        heads: U64 = self._store.rows.reshape(-1)[self._head_places(keys)].view(np.uint64)
        return heads

    def _missing(self, keys: I64, hashes: U64) -> Flags:
        """Return which members are not in their sets."""
        sizes = self._sizes[keys]
        missing: Flags = (sizes == 0) | (self._heads(keys) != hashes)
        asked = np.flatnonzero(missing & (sizes > 1))
        blocks = self._further[keys[asked]]
        while len(asked):
            # A cell without a member repeats another of its block, so it matches nothing new.
            found = (self._blocks.take(blocks, axis=0) == hashes[asked, None]).any(axis=1)
            missing[asked[found]] = False
            blocks = self._links[blocks]
            more = ~found & (blocks >= 0)
            asked, blocks = asked[more], blocks[more]
        return missing

    def _insert(self, keys: I64, hashes: U64, texts: KnownTexts) -> None:
        first = starts_of(keys[1:] != keys[:-1])
        counts = np.diff(np.append(first, len(keys)))
        too_many = self._sizes[keys[first]] + counts > at.CAP
        if too_many.any():
            crowded = np.repeat(too_many, counts)
            self._replace(keys[first[too_many]], keys[crowded], hashes[crowded], texts)
            keys, hashes = keys[~crowded], hashes[~crowded]
        if len(keys):
            self._append(keys, hashes, texts)

    def _append(self, keys: I64, hashes: U64, texts: KnownTexts) -> None:
        """Add members, grouped by set, that are not in and fit in."""
        self._hold(keys, hashes, texts)
        first = starts_of(keys[1:] != keys[:-1])
        counts = np.diff(np.append(first, len(keys)))
        sets = keys[first]
        sizes = self._sizes[sets].astype(np.int64)
        # The first new member becomes the head, and the head that was there goes to the blocks.
        heads = self._head_places(sets)
        rows = self._store.rows.reshape(-1)
        hashes = hashes.copy()
        new_heads = hashes[first]
        hashes[first] = rows[heads].view(np.uint64)
        rows[heads] = new_heads.view(np.int64)
        self._sizes[sets] += counts.astype(np.uint8)
        place = np.arange(len(keys)) + np.repeat(sizes - 1 - first, counts)
        kept = place >= 0
        if kept.any():
            new = _blocks_of(sizes + counts) - _blocks_of(sizes)
            fresh = self._fresh_blocks(sets, new)
            # Where block 0 of the set would be among the fresh ones, had all been made now.
            origin = np.repeat(np.cumsum(new) - new - _blocks_of(sizes), counts)
            before = np.repeat(_blocks_of(sizes), counts)
            newest = np.repeat(self._further[sets].astype(np.int64), counts)
            self._further[sets[new > 0]] = fresh[np.cumsum(new)[new > 0] - 1]
            number = place // _BLOCK
            old = number < before
            block = newest
            made = kept & ~old
            block[made] = fresh[(origin + number)[made]]
            cell = place % _BLOCK
            opening = kept & (cell == 0)
            self._blocks[block[opening]] = hashes[opening, None]
            self._blocks[block[kept], cell[kept]] = hashes[kept]

    def _fresh_blocks(self, sets: I64, counts: I64) -> I64:
        """Return new blocks, so many for each set, linked to each other and to its newest one."""
        blocks = self._numbers.take(int(counts.sum()))
        self._grow(self._numbers.end)
        links = np.empty(len(blocks), np.int64)
        links[1:] = blocks[:-1]
        some = counts > 0
        first = (np.cumsum(counts) - counts)[some]
        links[first] = self._further[sets[some]]
        self._links[blocks] = links
        return blocks

    def _replace(self, sets: I64, keys: I64, hashes: U64, texts: KnownTexts) -> None:
        """Let sets that would grow too large keep the smallest hashes of old and new members."""
        old = self.list(sets)
        holders = np.repeat(np.arange(len(sets)), np.diff(old.bounds))
        owners = np.concatenate((holders, np.searchsorted(sets, keys)))
        hashes = np.concatenate((old.hashes, hashes))
        order = np.lexsort((hashes, owners))
        owners, hashes = owners[order], hashes[order]
        first = starts_of(owners[1:] != owners[:-1])
        counts = np.diff(np.append(first, len(owners)))
        kept = np.arange(len(owners)) - np.repeat(first, counts) < at.CAP
        owners, hashes = owners[kept], hashes[kept]
        self._hold(sets[owners], hashes, texts)
        self._forget(sets, old)
        self._append(sets[owners], hashes, texts)
        self._release(sets[owners], hashes)
        np.bitwise_or.at(
            self._store.rows[:, at.FLAGS], sets // _SETS, np.int64(at.CAPPED) << sets % _SETS
        )

    def _forget(self, keys: I64, found: Found) -> None:
        self._release(np.repeat(keys, np.diff(found.bounds)), found.hashes)
        blocks = self._further[keys]
        freed: list[I64] = []
        while True:
            blocks = blocks[blocks >= 0]
            if not len(blocks):
                break
            freed.append(blocks.astype(np.int64))
            blocks = self._links[blocks]
        self._numbers.give_back(concat(freed))
        self._sizes[keys] = 0
        self._further[keys] = -1

    def _hold(self, keys: I64, hashes: U64, texts: KnownTexts) -> None:
        held = np.isin(keys % _SETS, at.TEXT_SETS)
        if held.any():
            self.texts.hold(hashes[held], texts)

    def _release(self, keys: I64, hashes: U64) -> None:
        held = np.isin(keys % _SETS, at.TEXT_SETS)
        if held.any():
            self.texts.release(hashes[held])

    def _grow(self, needed: int) -> None:
        size = len(self._links)
        if needed <= size:
            return
        while size < needed:
            size *= 2
        blocks, links = np.zeros((size, _BLOCK), np.uint64), np.zeros(size, np.int32)
        blocks[: len(self._blocks)], links[: len(self._links)] = self._blocks, self._links
        self._blocks, self._links = blocks, links


def set_keys(slots: I64) -> I64:
    """Return the keys of all sets of slots: the first set of each, then the second, and so on."""
    return (slots * _SETS + np.arange(_SETS)[:, None]).ravel()


def _blocks_of(sizes: I64) -> I64:
    """Return how many blocks sets of these sizes have: one member stands outside."""
    return (sizes + _BLOCK - 2) // _BLOCK


def _distinct(keys: I64, hashes: U64) -> tuple[I64, U64]:
    """Return pairs grouped by key, without repetitions."""
    bits = (len(keys) - 1).bit_length()
    packed = (keys << bits) | np.arange(len(keys))
    packed.sort()
    order = packed & ((1 << bits) - 1)
    keys, hashes = packed >> bits, hashes[order]
    same = keys[1:] == keys[:-1]
    if not same.any():
        return keys, hashes
    several = np.zeros(len(keys), np.bool_)
    several[1:] |= same
    several[:-1] |= same
    places = np.flatnonzero(several)
    hashes[places] = hashes[places][np.lexsort((hashes[places], keys[places]))]
    keep = np.ones(len(keys), np.bool_)
    keep[1:] = ~same | (hashes[1:] != hashes[:-1])
    return keys[keep], hashes[keep]
