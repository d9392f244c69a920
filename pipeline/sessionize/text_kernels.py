"""Hashes of texts."""

from typing import Any

import numba
import numpy as np
from numba import types

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MUL_1 = np.uint64(0xBF58476D1CE4E5B9)
_MUL_2 = np.uint64(0x94D049BB133111EB)
_PLACES = 512
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_WORDS = types.Array(types.uint64, 1, "A", readonly=True, aligned=False)
_LONGS = types.Array(types.int64, 1, "C", readonly=True)


@numba.njit(cache=True, inline="always")
def _mix64(value: Any) -> Any:
    z = value + _STEP
    z = (z ^ (z >> np.uint64(30))) * _MUL_1
    z = (z ^ (z >> np.uint64(27))) * _MUL_2
    return z ^ (z >> np.uint64(31))


@numba.njit(cache=True)
def _hash(data: Any, words: Any, start: Any, end: Any) -> Any:
    hashed, at = _mix64(np.uint64(end - start)), start
    while at + 8 <= end:
        hashed = _mix64(hashed ^ words[at])
        at += 8
    if at < end:
        word, shift = np.uint64(0), np.uint64(0)
        for place in range(at, end):
            word |= np.uint64(data[place]) << shift
            shift += np.uint64(8)
        hashed = _mix64(hashed ^ word)
    return hashed


@numba.njit(cache=True)
def _same(words: Any, one: Any, other: Any, length: Any) -> Any:
    """Whether two texts of at least eight bytes are equal."""
    for at in range(0, length - 8, 8):
        if words[one + at] != words[other + at]:
            return False
    return words[one + length - 8] == words[other + length - 8]


@numba.njit(
    types.void(_BYTES, _WORDS, _LONGS, types.int64, types.uint64[::1]), cache=True, nogil=True
)
def hash_texts(data: Any, words: Any, offsets: Any, longest: Any, hashes: Any) -> None:
    """Fill in the hash of every text (``hashing.text_hash``) but those over ``longest`` bytes.

    ``words``: the eight bytes from each byte on, little endian.

    A chunk repeats its longer texts: one that equals the last of its looks is compared and
    not hashed.
    """
    known = np.full(_PLACES, -1, np.int64)
    for row in range(len(hashes)):
        start, end = offsets[row], offsets[row + 1]
        length = end - start
        if length > longest:
            continue
        if length < 24:
            hashes[row] = _hash(data, words, start, end)
            continue
        looks = (words[end - 8] ^ (words[end - 16] * _STEP)) + np.uint64(length)
        place = np.int64((looks * _STEP) >> np.uint64(55))
        other = known[place]
        if (
            other >= 0
            and offsets[other + 1] - offsets[other] == length
            and _same(words, start, offsets[other], length)
        ):
            hashes[row] = hashes[other]
        else:
            hashes[row] = _hash(data, words, start, end)
            known[place] = row
