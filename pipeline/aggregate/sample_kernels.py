"""The loops that give out the few texts kept of each group."""

from typing import Any

import numba
from numba import types

_GIVEN = types.Array(types.int64, 1, "C", readonly=True)
_SPANS = types.Array(types.int64, 3, "C", readonly=True)
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_OUT = types.int64[::1]
_NOTHING = -1
"""Length of a span that holds no text, as in ``text_kernels``."""


@numba.njit(types.void(_GIVEN, _SPANS, _OUT, _OUT), cache=True)
def measure(groups: Any, spans: Any, bounds: Any, sizes: Any) -> None:
    """Write where each group's texts begin among all of them, and where their bytes do.

    Both have an entry more than there are groups: the end. Groups that are not known have none.
    """
    texts = size = 0
    bounds[0] = sizes[0] = 0
    for at in range(len(groups)):
        group = groups[at]
        if group < len(spans):
            for place in range(spans.shape[1]):
                length = spans[group, place, 1]
                if length == _NOTHING:
                    break
                texts += 1
                size += length
        bounds[at + 1], sizes[at + 1] = texts, size


@numba.njit(types.void(_GIVEN, _SPANS, _BYTES, _GIVEN, _GIVEN, _OUT, types.uint8[::1]), cache=True)
def give_out(
    groups: Any, spans: Any, pool: Any, bounds: Any, sizes: Any, offsets: Any, data: Any
) -> None:
    """Copy the texts of groups one after the other; ``offsets`` says where each begins."""
    for at in range(len(groups)):
        group, end = groups[at], sizes[at]
        for place in range(bounds[at + 1] - bounds[at]):
            start, length = spans[group, place, 0], spans[group, place, 1]
            offsets[bounds[at] + place] = end
            for byte in range(length):
                data[end + byte] = pool[start + byte]
            end += length
    offsets[bounds[len(groups)]] = sizes[len(groups)]
