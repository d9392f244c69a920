"""Compiled loops over texts of plain rows: which are equal, which may hold secrets, which are ids.

A text is an address and a length. Up to seven bytes behind it are read too.
"""

from typing import Any, Final

import numba as nb
import numpy as np
from numba import types

from pipeline.codecs.text_kernels import DASHED, INLINE, digits_of, hex_of
from pipeline.domain.memory_kernels import byte_at, eight_at, set_word, word_at

PAIRS: Final = 1 << 16
BEGINNINGS: Final = 1 << 16
SIZES: Final = (3, 4, 6)
"""Bytes of a word that are looked up: as many as it has."""
BEGINS: Final = 1
"""Some longer word begins with these two bytes; the next ones decide."""
SUFFICES: Final = 2
"""Some word is these two bytes or less."""

_SLOTS: Final = 1 << 13
_MOST: Final = _SLOTS // 2
"""Different texts that are looked up; more are each their own."""

_LOWER: Final = np.uint64(0x2020202020202020)
_PAIR: Final = np.uint64(0xFFFF)
_THREE: Final = np.uint64(0xFFFFFF)
_FOUR: Final = np.uint64(0xFFFFFFFF)
_SIX: Final = np.uint64(0xFFFFFFFFFFFF)
_ALL: Final = np.uint64(0xFFFFFFFFFFFFFFFF)
_ODD: Final = np.uint64(0x9E3779B97F4A7C15)
"""2^64 divided by the golden ratio, as hashes by multiplication take it."""

_LONGS: Final = types.Array(types.int64, 1, "C", readonly=True)
_MANY: Final = types.Array(types.int64, 2, "C", readonly=True)
_BYTES: Final = types.Array(types.uint8, 1, "C", readonly=True)
_FLAGS: Final = types.Array(types.boolean, 1, "C", readonly=True)


@nb.njit(
    types.void(_MANY, _BYTES, types.int64[:, ::1], types.int64[:, ::1]), cache=True, nogil=True
)
def find_texts(views: Any, data: Any, addresses: Any, lengths: Any) -> None:
    """Say where the texts of columns of Arrow views lie, and how long they are."""
    memory, table = np.int64(data.ctypes.data), np.int64(views.ctypes.data)
    at, size = np.int64(addresses.ctypes.data), np.int64(lengths.ctypes.data)
    for place in range(addresses.size):
        length = word_at(table, 2 * place) & np.int64(0x7FFFFFFF)
        set_word(size, place, length)
        if length <= INLINE:
            set_word(at, place, table + 16 * place + 4)
        else:
            behind = np.int64(np.uint64(word_at(table, 2 * place + 1)) >> np.uint64(32))
            set_word(at, place, memory + behind)


@nb.njit(cache=True)
def _some(at: Any, place: Any, length: Any) -> Any:
    """Return eight bytes from a place on, zeros behind the text."""
    word, left = eight_at(at, place), length - place
    return word if left >= 8 else word & (_ALL >> np.uint64(64 - 8 * left))


@nb.njit(cache=True)
def _hash(at: Any, length: Any) -> Any:
    state = np.uint64(length) * _ODD
    for place in range(0, length, 8):
        state = (state ^ _some(at, place, length)) * _ODD
        state ^= state >> np.uint64(32)
    return np.int64(state & np.uint64(_SLOTS - 1))


@nb.njit(cache=True)
def _same(one: Any, other: Any, length: Any) -> bool:
    for place in range(0, length, 8):
        if _some(one, place, length) != _some(other, place, length):
            return False
    return True


@nb.njit(
    types.int64(_LONGS, _LONGS, _FLAGS, types.int64[::1], types.int64[::1]), cache=True, nogil=True
)
def number_texts(addresses: Any, lengths: Any, wanted: Any, numbers: Any, rows: Any) -> Any:
    """Give equal texts one number, -1 to rows not ``wanted``; return how many there are.

    ``rows`` takes a row of each. Of very many different texts some get a number for each row.
    About 20 ns a text of 110 bytes.
    """
    slots = np.full(_SLOTS, -1, np.int64)
    count = np.int64(0)
    for row in range(len(addresses)):
        numbers[row] = -1
        if not wanted[row]:
            continue
        at, length = addresses[row], lengths[row]
        slot = _hash(at, length)
        while slots[slot] >= 0:
            other = rows[slots[slot]]
            if lengths[other] == length and _same(at, addresses[other], length):
                numbers[row] = slots[slot]
                break
            slot = (slot + 1) & (_SLOTS - 1)
        if numbers[row] < 0:
            if count < _MOST:
                slots[slot] = count
            numbers[row] = count
            rows[count] = row
            count += 1
    return count


@nb.njit(cache=True)
def beginning(word: Any) -> Any:
    """Return the place of some bytes of lower case among ``BEGINNINGS``."""
    return np.int64((word * _ODD) >> np.uint64(48))


@nb.njit(types.void(_LONGS, _LONGS, _BYTES, _BYTES, types.boolean[::1]), cache=True, nogil=True)
def find_suspects(addresses: Any, lengths: Any, pairs: Any, beginnings: Any, found: Any) -> None:
    """Say which texts may have one of some words, whatever their case; about 1.5 ns a byte."""
    first, rest = np.int64(pairs.ctypes.data), np.int64(beginnings.ctypes.data)
    for row in range(len(addresses)):
        found[row] = False
        at, length = addresses[row], lengths[row]
        for place in range(length):
            word = eight_at(at, place) | _LOWER
            kind = byte_at(first, np.int64(word & _PAIR))
            if kind == 0:
                continue
            if (
                kind == SUFFICES
                or byte_at(rest, beginning(word & _THREE)) != 0
                or byte_at(rest, beginning(word & _FOUR)) != 0
                or byte_at(rest, beginning(word & _SIX)) != 0
            ):
                found[row] = True
                break


@nb.njit(types.void(_LONGS, _LONGS, types.boolean[::1]), cache=True, nogil=True)
def find_uuids(addresses: Any, lengths: Any, fine: Any) -> None:
    """Say which texts are UUIDs as they are published: with dashes, in lower case."""
    for row in range(len(addresses)):
        a, b, c, d, shaped = digits_of(addresses[row], lengths[row])
        fine[row] = (
            shaped
            and lengths[row] == DASHED
            and a & b & c & d & _LOWER == _LOWER
            and hex_of(a)[1]
            and hex_of(b)[1]
            and hex_of(c)[1]
            and hex_of(d)[1]
        )


@nb.njit(
    types.void(_LONGS, _LONGS, types.int64[:, ::1], types.boolean[::1]), cache=True, nogil=True
)
def write_digits(addresses: Any, lengths: Any, digits: Any, fine: Any) -> None:
    """Write ids as 32 hex digits in lower case; ``fine`` says which texts are ids."""
    out = np.int64(digits.ctypes.data)
    for row in range(len(addresses)):
        a, b, c, d, shaped = digits_of(addresses[row], lengths[row])
        fine[row] = shaped
        for place, word in enumerate((a, b, c, d)):
            if not hex_of(word)[1]:
                fine[row] = False
            set_word(out, 4 * row + place, np.int64(word | _LOWER))
