"""The compiled search for line ends, eight bytes at a time."""

from typing import Any, Final

import numba as nb
import numpy as np
from numba import types

from pipeline.domain.memory_kernels import byte_at, eight_at, set_word, trailing_zeros

PADDING: Final = 64
"""Bytes that must be readable behind the last line."""

_ONES: Final = np.uint64(0x0101010101010101)
_HIGH: Final = np.uint64(0x8080808080808080)
_LINE_ENDS: Final = np.uint64(0x0A0A0A0A0A0A0A0A)
_LINE_END: Final = np.uint64(0x0A)

_BYTES: Final = types.Array(types.uint8, 1, "C", readonly=True)


@nb.njit(types.int64(_BYTES, types.int64, types.int64[::1]), cache=True, nogil=True)
def find_line_ends(data: Any, size: Any, ends: Any) -> Any:
    """Write where line ends lie in the first ``size`` bytes; return how many there are.

    ``ends`` has room for as many as there are bytes. About 50 ns a line of 670 bytes.
    """
    memory, found = np.int64(data.ctypes.data), np.int64(ends.ctypes.data)
    count = np.int64(0)
    for at in range(0, size, 8):
        word = eight_at(memory, at) ^ _LINE_ENDS
        flags = (word - _ONES) & ~word & _HIGH
        while flags:
            # The lowest flag is exact; a borrow may set one above it.
            place = at + np.int64(trailing_zeros(flags) >> np.uint64(3))
            if place < size and byte_at(memory, place) == _LINE_END:
                set_word(found, count, place)
                count += 1
            flags &= flags - np.uint64(1)
    return count
