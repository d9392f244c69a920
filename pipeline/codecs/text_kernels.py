"""Compiled loops over columns of texts as Arrow views: ids of 128 bits, paths of URLs.

A view is two words: length and the first four bytes; then, up to 12 bytes, the others, else the
place in the data.
https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout
"""

from typing import Any, Final

import numba as nb
import numpy as np
from numba import types
from numpy.typing import NDArray

from pipeline.domain.memory_kernels import byte_at, eight_at, prefetch, set_word, word_at

INLINE: Final = 12
AHEAD: Final = 12
"""Rows that are fetched ahead."""

DIGITS: Final = 32
DASHED: Final = 36
"""Bytes of an id, without dashes and with them."""

_COLON: Final = np.uint64(ord(":"))
_DASH: Final = np.uint64(ord("-"))
_SLASH: Final = np.uint64(ord("/"))
_QUERY: Final = np.uint64(ord("?"))
_FRAGMENT: Final = np.uint64(ord("#"))

_ONES: Final = np.uint64(0x0101010101010101)
_HIGH: Final = np.uint64(0x8080808080808080)
_LOW_HALF: Final = np.uint64(0xFFFFFFFF)
_QUERIES: Final = np.uint64(0x3F3F3F3F3F3F3F3F)

_BYTES: Final = types.Array(types.uint8, 1, "C", readonly=True)
_BOOLS: Final = types.Array(types.boolean, 1, "C", readonly=True)
_LONGS: Final = types.Array(types.int64, 1, "C", readonly=True)

Words = NDArray[np.uint64]


@nb.njit(cache=True)
def _text(views: Any, memory: Any, row: Any) -> tuple[Any, Any]:
    """Return the address and the length of a row's text."""
    length = word_at(views, 2 * row) & np.int64(0x7FFFFFFF)
    if length <= INLINE:
        return views + 16 * row + 4, length
    place = np.int64(np.uint64(word_at(views, 2 * row + 1)) >> np.uint64(32))
    return memory + place, length


@nb.njit(cache=True)
def _fetch_ahead(views: Any, memory: Any, row: Any, rows: Any) -> None:
    """Ask for the text of a row to come: texts of a chunk lie apart, each on lines of its own."""
    ahead = row + AHEAD
    if ahead < rows:
        at, _ = _text(views, memory, ahead)
        prefetch(at, 0)
        prefetch(at, 31)


@nb.njit(cache=True)
def hex_of(word: Any) -> tuple[Any, Any]:
    """Return the 32 bits that eight hex digits say, and whether they are ones.

    Digits become 0 to 9 when their high nibble 3 goes, letters 1 to 6; a sum that reaches the
    highest bit of its byte tells what is above the range, and no byte carries into the next.
    """
    decimal = word ^ np.uint64(0x3030303030303030)
    letter = (word | np.uint64(0x2020202020202020)) ^ np.uint64(0x6060606060606060)
    is_decimal = ~(decimal + np.uint64(0x7676767676767676))
    is_letter = ~(letter + np.uint64(0x7979797979797979)) & (letter + np.uint64(0x7F7F7F7F7F7F7F7F))
    valid = word & _HIGH == 0 and (is_decimal | is_letter) & _HIGH == _HIGH
    sixth = (word >> np.uint64(6)) & _ONES
    nibbles = (word & np.uint64(0x0F0F0F0F0F0F0F0F)) + sixth + (sixth << np.uint64(3))
    pairs = (nibbles << np.uint64(4) | nibbles >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
    # The first digit is in the lowest byte and counts most.
    value = (
        (pairs & np.uint64(0xFF)) << np.uint64(24)
        | (pairs >> np.uint64(16) & np.uint64(0xFF)) << np.uint64(16)
        | (pairs >> np.uint64(32) & np.uint64(0xFF)) << np.uint64(8)
        | pairs >> np.uint64(48)
    )
    return value, valid


@nb.njit(cache=True)
def _two(memory: Any, first: Any, second: Any) -> Any:
    """Return four bytes from one place and four from another."""
    return (eight_at(memory, first) & _LOW_HALF) | eight_at(memory, second) << np.uint64(32)


@nb.njit(cache=True)
def digits_of(at: Any, length: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Return the 32 bytes of an id without its dashes, eight a word, and whether it has its shape.

    Nobody has looked whether they are hex digits.
    """
    if length == DIGITS:
        return eight_at(at, 0), eight_at(at, 8), eight_at(at, 16), eight_at(at, 24), True
    if (
        length == DASHED
        and byte_at(at, 8) == _DASH
        and byte_at(at, 13) == _DASH
        and byte_at(at, 18) == _DASH
        and byte_at(at, 23) == _DASH
    ):
        return eight_at(at, 0), _two(at, 9, 14), _two(at, 19, 24), eight_at(at, 28), True
    nothing = np.uint64(0)
    return nothing, nothing, nothing, nothing, False


@nb.njit(cache=True)
def _id(at: Any, length: Any) -> tuple[Any, Any, Any]:
    """Return the two words of an id in hex digits, and whether it is one."""
    first, second, third, fourth, shaped = digits_of(at, length)
    a, a_valid = hex_of(first)
    b, b_valid = hex_of(second)
    c, c_valid = hex_of(third)
    d, d_valid = hex_of(fourth)
    if not (shaped and a_valid and b_valid and c_valid and d_valid):
        return np.uint64(0), np.uint64(0), False
    return a << np.uint64(32) | b, c << np.uint64(32) | d, True


@nb.njit(
    types.void(_LONGS, _BYTES, _BOOLS, types.uint64[::1], types.uint64[::1], types.boolean[::1]),
    cache=True,
)
def read_ids(views: Any, data: Any, present: Any, hi: Any, lo: Any, valid: Any) -> None:
    """Read ids: 32 hex digits, with dashes or without, alone or after the last colon.

    ``present`` is empty if no text is null. About 15 ns a row.
    """
    table: Any = np.int64(views.ctypes.data)
    memory: Any = np.int64(data.ctypes.data)
    for row in range(len(hi)):
        _fetch_ahead(table, memory, row, len(hi))
        hi[row] = lo[row] = 0
        valid[row] = False
        if len(present) and not present[row]:
            continue
        at, length = _text(table, memory, row)
        hi[row], lo[row], valid[row] = _id(at, length)
        if not valid[row]:
            last = length - 1
            while last >= 0 and byte_at(at, last) != _COLON:
                last -= 1
            if last >= 0:
                hi[row], lo[row], valid[row] = _id(at + last + 1, length - last - 1)


@nb.njit(cache=True)
def _until_query(at: Any, length: Any) -> Any:
    """Return how many bytes come before the first question mark."""
    done = np.int64(0)
    while done + 8 <= length:
        found = eight_at(at, done) ^ _QUERIES
        if (found - _ONES) & ~found & _HIGH:
            break
        done += 8
    while done < length and byte_at(at, done) != _QUERY:
        done += 1
    return done


@nb.njit(cache=True)
def _after_host(at: Any, length: Any) -> Any:
    """Return how many bytes scheme and host have; 0 if there is no scheme."""
    done = np.int64(0)
    while done < length and np.uint64(97) <= (byte_at(at, done) | np.uint64(32)) <= np.uint64(122):
        done += 1
    if done == 0 or done + 3 > length or byte_at(at, done) != _COLON:
        return np.int64(0)
    if byte_at(at, done + 1) != _SLASH or byte_at(at, done + 2) != _SLASH:
        return np.int64(0)
    done += 3
    while done < length:
        byte = byte_at(at, done)
        if byte == _SLASH or byte == _QUERY or byte == _FRAGMENT:  # noqa: PLR1714, SIM109 - compiled
            break
        done += 1
    return done


@nb.njit(cache=True)
def _put_view(memory: Any, at: Any, length: Any, views: Any, row: Any) -> None:
    head = np.uint64(length)
    tail = np.uint64(0)
    if length <= INLINE:
        for k in range(length):
            if k < 4:
                head |= byte_at(at, k) << np.uint64(32 + 8 * k)
            else:
                tail |= byte_at(at, k) << np.uint64(8 * (k - 4))
    else:
        head |= eight_at(at, 0) << np.uint64(32)
        tail = np.uint64(at - memory) << np.uint64(32)
    set_word(views, 2 * row, np.int64(head))
    set_word(views, 2 * row + 1, np.int64(tail))


@nb.njit(types.void(_LONGS, _BYTES, _BOOLS, types.boolean, types.int64[::1]), cache=True)
def cut_paths(views: Any, data: Any, present: Any, absolute: Any, paths: Any) -> None:
    """Write the views of the paths of URLs: without query, and if ``absolute`` without all else.

    ``absolute``: scheme and host before, and the fragment behind, go too, where there are any. The
    views point into the same data. ``present`` is empty if no URL is null. About 15 ns a row.
    """
    table: Any = np.int64(views.ctypes.data)
    memory: Any = np.int64(data.ctypes.data)
    target: Any = np.int64(paths.ctypes.data)
    for row in range(len(paths) // 2):
        _fetch_ahead(table, memory, row, len(paths) // 2)
        if len(present) and not present[row]:
            set_word(target, 2 * row, 0)
            set_word(target, 2 * row + 1, 0)
            continue
        at, length = _text(table, memory, row)
        if absolute:
            before = _after_host(at, length)
            at, length = at + before, length - before
        until = _until_query(at, length)
        if absolute:
            end = np.int64(0)
            while end < until and byte_at(at, end) != _FRAGMENT:
                end += 1
            until = end
        if until == length and not absolute:
            set_word(target, 2 * row, word_at(table, 2 * row))
            set_word(target, 2 * row + 1, word_at(table, 2 * row + 1))
        else:
            _put_view(memory, at, until, target, row)


@nb.njit(types.void(_LONGS, _BYTES, _BYTES, types.boolean[::1]), cache=True)
def begin_with(views: Any, data: Any, prefix: Any, found: Any) -> None:
    """Say of every text whether it begins with some bytes; null texts must be empty views.

    The first four bytes are in the view: the data is seldom looked at.
    """
    table: Any = np.int64(views.ctypes.data)
    memory: Any = np.int64(data.ctypes.data)
    size = len(prefix)
    for row in range(len(found)):
        found[row] = False
        if word_at(table, 2 * row) & np.int64(0x7FFFFFFF) < size:
            continue
        head, place = table + 16 * row + 4, np.int64(0)
        while place < min(size, 4) and byte_at(head, place) == np.uint64(prefix[place]):
            place += 1
        if place == 4:
            at, _ = _text(table, memory, row)
            while place < size and byte_at(at, place) == np.uint64(prefix[place]):
                place += 1
        found[row] = place == size
