"""The loops over members of sets. ``member_sets`` says how they lie.

Numba's cache on disk looks at the file of a kernel, not at those of what it calls: after a change
here or in ``layout`` the caches of the other kernels must go too (``make clean``).
"""

from typing import Any

import numba
import numpy as np
from numba import types

from pipeline.sessionize import layout as at
from pipeline.sessionize.bare_kernels import bare
from pipeline.sessionize.prefetch_kernels import prefetch

BLOCK = 4
"""Members in a block; a set's first one stands in the slot's row."""
PRESENT, ADDED, REPLACED, REFUSED = range(4)
"""What became of a member: ``REPLACED`` put another out of a full set."""

SETS = len(at.SETS)
_AHEAD = 8
ROWS, SIZES, FURTHER = types.int64[:, ::1], types.uint8[:, ::1], types.int32[:, ::1]
BLOCKS, LINKS = types.uint64[::1], types.int32[::1]
_LONGS = types.Array(types.int64, 1, "C", readonly=True)
_HASHES = types.Array(types.uint64, 1, "C", readonly=True)


@numba.njit(cache=True)
def add_member(
    rows: Any,
    sizes: Any,
    further: Any,
    blocks: Any,
    links: Any,
    fresh: Any,
    slot: Any,
    number: Any,
    member: Any,
) -> Any:
    """Add a member to a set that keeps the smallest.

    Returns what became of it, who left if one did, and whether ``fresh``, a free block, was taken.
    """
    size = np.int64(sizes[slot, number])
    head = np.uint64(rows[slot, at.HEADS + number])
    if size == 0:
        rows[slot, at.HEADS + number] = np.int64(member)
        sizes[slot, number] = 1
        return ADDED, head, False
    if head == member:
        return PRESENT, head, False
    largest = head
    where: Any = np.int64(-1)
    block, cells = np.int64(further[slot, number]), (size - 2) % BLOCK + 1
    while block >= 0:
        for place in range(block * BLOCK, block * BLOCK + cells):
            other = blocks[place]
            if other == member:
                blocks[place] = head
                rows[slot, at.HEADS + number] = np.int64(member)
                return PRESENT, head, False
            if other > largest:
                largest, where = other, place
        block, cells = np.int64(links[block]), np.int64(BLOCK)
    if size == at.CAP:
        rows[slot, at.FLAGS] |= at.CAPPED << number
        if member > largest:
            return REFUSED, head, False
        if where >= 0:
            blocks[where] = head
        rows[slot, at.HEADS + number] = np.int64(member)
        return REPLACED, largest, False
    opens = (size - 1) % BLOCK == 0
    if opens:
        links[fresh] = further[slot, number]
        further[slot, number] = fresh
    blocks[np.int64(further[slot, number]) * BLOCK + (size - 1) % BLOCK] = head
    rows[slot, at.HEADS + number] = np.int64(member)
    sizes[slot, number] = size + 1
    return ADDED, head, opens


@numba.njit(cache=True)
def copy_members(
    rows: Any,
    sizes: Any,
    further: Any,
    blocks: Any,
    links: Any,
    slot: Any,
    number: Any,
    out: Any,
    first: Any,
) -> Any:
    """Write down a set's members from a place on, and return where they end."""
    size, end = np.int64(sizes[slot, number]), first
    if size == 0:
        return end
    out[end] = np.uint64(rows[slot, at.HEADS + number])
    end += 1
    block, cells = np.int64(further[slot, number]), (size - 2) % BLOCK + 1
    while block >= 0:
        for place in range(block * BLOCK, block * BLOCK + cells):
            out[end] = blocks[place]
            end += 1
        block, cells = np.int64(links[block]), np.int64(BLOCK)
    return end


@numba.njit(cache=True)
def empty_set(
    sizes: Any, further: Any, links: Any, free: Any, count: Any, slot: Any, number: Any
) -> Any:
    """Forget a set's members, push its blocks to the free ones and return their new count."""
    block = np.int64(further[slot, number])
    while block >= 0:
        free[count] = block
        count += 1
        block = np.int64(links[block])
    further[slot, number] = -1
    sizes[slot, number] = 0
    return count


@numba.njit(
    types.int64(
        ROWS, SIZES, FURTHER, BLOCKS, LINKS, _LONGS, types.int64, _LONGS, types.int64, _HASHES
    ),
    cache=True,
    nogil=True,
)
def load_members(
    rows: Any,
    sizes: Any,
    further: Any,
    blocks: Any,
    links: Any,
    free: Any,
    count: Any,
    slots: Any,
    number: Any,
    members: Any,
) -> Any:
    """Add members to the same set of slots; return how many of the ``count`` blocks are free."""
    rows, sizes, further = bare(rows), bare(sizes), bare(further)
    blocks, links = bare(blocks), bare(links)
    for i in range(len(members)):
        _, _, taken = add_member(
            rows, sizes, further, blocks, links, free[count - 1], slots[i], number, members[i]
        )
        if taken:
            count -= 1
    return count


@numba.njit(
    types.void(ROWS, SIZES, FURTHER, BLOCKS, LINKS, _LONGS, _LONGS, types.uint64[::1]),
    cache=True,
    nogil=True,
)
def list_members(
    rows: Any,
    sizes: Any,
    further: Any,
    blocks: Any,
    links: Any,
    slots: Any,
    bounds: Any,
    out: Any,
) -> None:
    """Write down all sets, the first one of every slot, then the second; each in order."""
    rows, sizes, further = bare(rows), bare(sizes), bare(further)
    blocks, links, out = bare(blocks), bare(links), bare(out)
    count = len(slots)
    numbers, all_sizes, all_further = rows.reshape(-1), sizes.reshape(-1), further.reshape(-1)
    for i in range(count):
        # All sets of a slot at once: what lies side by side is fetched once.
        if i + _AHEAD < count:
            prefetch(numbers, slots[i + _AHEAD] * at.WIDTH + at.HEADS)
            prefetch(all_sizes, slots[i + _AHEAD] * SETS)
            prefetch(all_further, slots[i + _AHEAD] * SETS)
        for number in range(SETS):
            first = bounds[number * count + i]
            end = copy_members(rows, sizes, further, blocks, links, slots[i], number, out, first)
            for j in range(first + 1, end):
                member, k = out[j], j
                while k > first and out[k - 1] > member:
                    out[k] = out[k - 1]
                    k -= 1
                out[k] = member


@numba.njit(
    types.int64(SIZES, FURTHER, LINKS, types.int64[::1], types.int64, _LONGS),
    cache=True,
    nogil=True,
)
def forget_members(sizes: Any, further: Any, links: Any, free: Any, count: Any, slots: Any) -> Any:
    """Empty all sets of slots; return how many blocks are free then."""
    sizes, further, links, free = bare(sizes), bare(further), bare(links), bare(free)
    for i in range(len(slots)):
        for number in range(SETS):
            count = empty_set(sizes, further, links, free, count, slots[i], number)
    return count
