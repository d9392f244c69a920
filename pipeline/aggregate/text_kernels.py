"""The loops over bytes of texts: picking them out of a pool, keeping the smallest of each group."""

from typing import Any

import numba
import numpy as np
from numba import types

_GIVEN = types.Array(types.int64, 1, "C", readonly=True)
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_SPANS = types.int64[:, :, ::1]
NOTHING = -1
"""Length of a span that holds no text."""


@numba.njit(
    types.void(_GIVEN, _GIVEN, _BYTES, _GIVEN, types.uint8[::1]),
    cache=True,
)
def copy_texts(starts: Any, lengths: Any, pool: Any, offsets: Any, out: Any) -> None:
    """Copy ``pool[starts[i]:][:lengths[i]]`` to ``out[offsets[i]:]``."""
    for row in range(len(starts)):
        start, at = starts[row], offsets[row]
        for byte in range(lengths[row]):
            out[at + byte] = pool[start + byte]


@numba.njit(
    types.int64(_BYTES, types.int64, types.int64, types.uint8[::1], types.int64, types.int64),
    cache=True,
)
def order_of(data: Any, start: Any, length: Any, pool: Any, first: Any, held: Any) -> Any:
    """Return below, at or above 0 as a text stands before, at or behind one of the pool."""
    for byte in range(min(length, held)):
        difference = types.int64(data[start + byte]) - types.int64(pool[first + byte])
        if difference != 0:
            return difference
    return length - held


@numba.njit(
    types.boolean(
        types.int64,
        _BYTES,
        types.int64,
        types.int64,
        _SPANS,
        types.uint8[::1],
        types.int64[::1],
    ),
    cache=True,
)
def _keep(
    group: Any, data: Any, start: Any, length: Any, spans: Any, pool: Any, filled: Any
) -> Any:
    """Offer a text to a group; return whether there was room."""
    kept = spans.shape[1]
    place, last = 0, kept - 1
    # Most texts come behind all that are kept: one look at the largest tells.
    if spans[group, last, 1] != NOTHING and (
        order_of(data, start, length, pool, spans[group, last, 0], spans[group, last, 1]) >= 0
    ):
        return True
    while place < kept and spans[group, place, 1] != NOTHING:
        order = order_of(data, start, length, pool, spans[group, place, 0], spans[group, place, 1])
        if order == 0:
            return True
        if order < 0:
            break
        place += 1
    if place == kept:
        return True
    # Ids are of one length: nearly always a text fits where the one that leaves it lay.
    held, free = spans[group, last, 1], spans[group, last, 0]
    fits = held != NOTHING and length <= held
    if not fits and filled[0] + length > len(pool):
        return False
    if not fits:
        free = filled[0]
        filled[0] += length
    filled[1] += length - (held if held != NOTHING else 0)
    for later in range(last, place, -1):
        spans[group, later, 0] = spans[group, later - 1, 0]
        spans[group, later, 1] = spans[group, later - 1, 1]
    for byte in range(length):
        pool[free + byte] = data[start + byte]
    spans[group, place, 0] = free
    spans[group, place, 1] = length
    return True


_SHORT = 12
"""Bytes of a text that lie in its view."""


@numba.njit(types.void(_GIVEN, _GIVEN, types.int64[::1]), cache=True)
def view_ends(views: Any, rows: Any, offsets: Any) -> None:
    """Write where the texts of some views end when they lie one behind the other."""
    offsets[0] = 0
    for place in range(len(rows)):
        offsets[place + 1] = offsets[place] + (views[2 * rows[place]] & 0x7FFFFFFF)


@numba.njit(types.void(_GIVEN, _BYTES, _BYTES, _GIVEN, _GIVEN, types.uint8[::1]), cache=True)
def copy_views(views: Any, inside: Any, data: Any, rows: Any, offsets: Any, out: Any) -> None:
    """Copy the texts of some views; ``inside`` are the views as bytes. About 15 ns a text."""
    for place in range(len(rows)):
        to, row = offsets[place], rows[place]
        length = offsets[place + 1] - to
        if length <= _SHORT:
            start = 16 * row + 4
            for byte in range(length):
                out[to + byte] = inside[start + byte]
        else:
            start = views[2 * row + 1] >> 32
            for byte in range(length):
                out[to + byte] = data[start + byte]


@numba.njit(types.int64(types.int64), cache=True, inline="always")
def _first_four(word: Any) -> Any:
    """Return the first four bytes of a text, as a number of their order, from its view."""
    head = word >> 32 & 0xFFFFFFFF
    return (head & 0xFF) << 24 | (head & 0xFF00) << 8 | (head >> 8 & 0xFF00) | head >> 24


@numba.njit(
    types.int64(
        _GIVEN,
        _GIVEN,
        _GIVEN,
        _BYTES,
        _BYTES,
        types.Array(types.boolean, 1, "C", readonly=True),
        types.int64,
        _SPANS,
        types.uint8[::1],
        types.int64[::1],
    ),
    cache=True,
)
def keep_smallest(
    groups: Any,
    rows: Any,
    views: Any,
    inside: Any,
    data: Any,
    present: Any,
    begin: Any,
    spans: Any,
    pool: Any,
    filled: Any,
) -> Any:
    """Keep the distinct smallest texts of every group, ascending; return the rows done.

    ``rows`` are those of a column of views; nulls are passed over. ``spans[group]``: start and
    length in ``pool`` of each text kept; ``filled``: bytes of the pool used, and of those the ones
    still referred to. A view holds the first four bytes: nearly always they tell that a text comes
    behind all that are kept, and its own bytes, which no cache has, are not looked at.
    """
    last = spans.shape[1] - 1
    for place in range(begin, len(groups)):
        row, group = rows[place], groups[place]
        if len(present) > 0 and not present[row]:
            continue
        word = views[2 * row]
        length = word & 0x7FFFFFFF
        first = spans[group, last, 0]
        if length >= 4 and spans[group, last, 1] >= 4:
            largest = np.int64(0)
            for byte in range(4):
                largest = largest << 8 | np.int64(pool[first + byte])
            if _first_four(word) > largest:
                continue
        if length <= _SHORT:
            kept = _keep(group, inside, 16 * row + 4, length, spans, pool, filled)
        else:
            kept = _keep(group, data, views[2 * row + 1] >> 32, length, spans, pool, filled)
        if not kept:
            return place
    return len(groups)
