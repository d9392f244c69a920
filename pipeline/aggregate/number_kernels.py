"""The loop that writes whole numbers in decimal."""

from typing import Any

import numba
from numba import types

MOST_DIGITS = 20
"""Of a signed number of 64 bits, its sign included."""


@numba.njit(
    types.int64(
        types.Array(types.int64, 1, "C", readonly=True), types.int64[::1], types.uint8[::1]
    ),
    cache=True,
)
def write_numbers(values: Any, offsets: Any, out: Any) -> Any:
    """Write numbers one behind the other, ``offsets`` says where; return the bytes written.

    About 10 ns a number; a cast in polars costs 30, and 50 microseconds a call.
    """
    to = 0
    offsets[0] = 0
    for row in range(len(values)):
        rest = types.uint64(values[row])
        if values[row] < 0:
            out[to] = 45
            to += 1
            rest = ~rest + types.uint64(1)
        digits, left = 1, rest
        while left >= types.uint64(10):
            left //= types.uint64(10)
            digits += 1
        for place in range(digits - 1, -1, -1):
            out[to + place] = types.uint8(48 + rest % types.uint64(10))
            rest //= types.uint64(10)
        to += digits
        offsets[row + 1] = to
    return to
