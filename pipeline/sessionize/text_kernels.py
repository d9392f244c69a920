"""The loops over texts: their hashes, and copies of a few. Texts are Arrow's views.

A view is two words: length and the first four bytes; then, up to 12 bytes, the others, else the
place in the data.
https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout
"""

from typing import Any

import numba
import numpy as np
from numba import types

from pipeline.sessionize.bare_kernels import bare
from pipeline.sessionize.prefetch_kernels import prefetch

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MUL_1 = np.uint64(0xBF58476D1CE4E5B9)
_MUL_2 = np.uint64(0x94D049BB133111EB)
_PLACES = 512
_INLINE = 12
_REPEATED = 24
"""Bytes from which on a look at what came before is cheaper than the hash."""
_AHEAD = 12
_LINE = 64
_32 = np.uint64(32)
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_WORDS = types.Array(types.uint64, 1, "A", readonly=True, aligned=False)
_LONGS = types.Array(types.int64, 1, "C", readonly=True)
_VIEWS = types.Array(types.uint64, 1, "C", readonly=True)
_FLAGS = types.Array(types.boolean, 1, "C", readonly=True)


@numba.njit(cache=True, inline="always")
def mixed(value: Any) -> Any:
    """Return splitmix64's output (``hashing.mix64``)."""
    z = value + _STEP
    z = (z ^ (z >> np.uint64(30))) * _MUL_1
    z = (z ^ (z >> np.uint64(27))) * _MUL_2
    return z ^ (z >> np.uint64(31))


@numba.njit(cache=True, inline="always")
def _length(view: Any) -> Any:
    return np.int64(view & np.uint64(0x7FFFFFFF))


@numba.njit(cache=True)
def _hash_of_view(first: Any, second: Any, length: Any) -> Any:
    """Return the hash of a text that lies in its view, padded with zeros."""
    hashed = mixed(np.uint64(length))
    if length > 0:
        hashed = mixed(hashed ^ (first >> _32 | second << _32))
    if length > 8:
        hashed = mixed(hashed ^ second >> _32)
    return hashed


@numba.njit(cache=True)
def _hash(words: Any, start: Any, length: Any) -> Any:
    """Return the hash of a text of more than eight bytes."""
    hashed, end = mixed(np.uint64(length)), start + length
    for at in range(start, end - 7, 8):
        hashed = mixed(hashed ^ words[at])
    left = np.uint64(length & 7)
    if left:
        hashed = mixed(hashed ^ words[end - 8] >> (np.uint64(64) - np.uint64(8) * left))
    return hashed


@numba.njit(cache=True)
def _same(words: Any, one: Any, other: Any, length: Any) -> Any:
    """Whether two texts of at least eight bytes are equal."""
    if one == other:
        return True
    for at in range(0, length - 8, 8):
        if words[one + at] != words[other + at]:
            return False
    return words[one + length - 8] == words[other + length - 8]


@numba.njit(
    types.int64(_VIEWS, _BYTES, _WORDS, _FLAGS, types.int64, types.uint64[::1]),
    cache=True,
    nogil=True,
)
def hash_texts(views: Any, data: Any, words: Any, valid: Any, longest: Any, hashes: Any) -> Any:
    """Fill in the hash of every text (``hashing.text_hash``) but those over ``longest`` bytes.

    Returns how many of those there are. ``words``: the eight bytes of ``data`` from each byte on,
    little endian. Texts that are not ``valid`` are passed over; none named: all are.

    A chunk repeats its longer texts: one that equals the last of its looks is compared and
    not hashed.
    """
    rows, long = len(hashes), 0
    data, words = bare(data), bare(words)
    known = np.full(_PLACES, -1, np.int64)
    for row in range(rows):
        if row + _AHEAD < rows and (len(valid) == 0 or valid[row + _AHEAD]):
            length = _length(views[2 * (row + _AHEAD)])
            if length > _INLINE:
                start = np.int64(views[2 * (row + _AHEAD) + 1] >> _32)
                prefetch(data, start)
                prefetch(data, start + min(length - 1, _LINE))
        if len(valid) > 0 and not valid[row]:
            continue
        first, second = views[2 * row], views[2 * row + 1]
        length = _length(first)
        if length <= _INLINE:
            hashes[row] = _hash_of_view(first, second, length)
            continue
        if length > longest:
            long += 1
            continue
        start = np.int64(second >> _32)
        if length < _REPEATED:
            hashes[row] = _hash(words, start, length)
            continue
        end = start + length
        looks = (words[end - 8] ^ (words[end - 16] * _STEP)) + np.uint64(length)
        place = np.int64((looks * _STEP) >> np.uint64(55))
        other = known[place]
        if (
            other >= 0
            and views[2 * other] == first
            and _same(words, start, np.int64(views[2 * other + 1] >> _32), length)
        ):
            hashes[row] = hashes[other]
        else:
            hashes[row] = _hash(words, start, length)
            known[place] = row
    return long


@numba.njit(types.void(_VIEWS, _LONGS, types.int64[::1]), cache=True, nogil=True)
def note_ends(views: Any, rows: Any, ends: Any) -> None:
    """Write where the texts of some rows end, the first of which begins at ``ends[0]``."""
    for i in range(len(rows)):
        ends[i + 1] = ends[i] + _length(views[2 * rows[i]])


@numba.njit(types.void(_VIEWS, _BYTES, _LONGS, _LONGS, types.uint8[::1]), cache=True, nogil=True)
def copy_texts(views: Any, data: Any, rows: Any, offsets: Any, out: Any) -> None:
    """Copy the texts of some rows to where ``offsets`` says; the last one is where they end."""
    for i in range(len(rows)):
        at, length = offsets[i], offsets[i + 1] - offsets[i]
        first, second = views[2 * rows[i]], views[2 * rows[i] + 1]
        if length > _INLINE:
            start = np.int64(second >> _32)
            for byte in range(length):
                out[at + byte] = data[start + byte]
            continue
        for byte in range(length):
            word, nth = (first, byte + 4) if byte < 4 else (second, byte - 4)
            out[at + byte] = np.uint8(word >> np.uint64(8 * nth))


@numba.njit(types.void(_LONGS, _BYTES, _LONGS, _LONGS, types.uint8[::1]), cache=True, nogil=True)
def gather_texts(ends: Any, data: Any, numbers: Any, offsets: Any, out: Any) -> None:
    """Copy texts of a log to where ``offsets`` says; those are as long as it leaves room."""
    for i in range(len(numbers)):
        at, length = offsets[i], offsets[i + 1] - offsets[i]
        start = ends[numbers[i]]
        for byte in range(length):
            out[at + byte] = data[start + byte]
