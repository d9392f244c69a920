"""64-bit hashes that are the same in every process, version and machine.

They decide which members a capped set keeps (semantics rule 11) and stand in records
(``user_agents``), so they must never change. Not for secrets: whoever wants to can make two
texts collide, which costs him one member of his own session's set.
"""

import hashlib
from typing import Final

import numpy as np

from pipeline.sessionize.arrays import U64
from pipeline.sessionize.text_kernels import hash_texts
from pipeline.sessionize.text_views import TextViews

_STEP: Final = 0x9E3779B97F4A7C15
_MUL_1: Final = 0xBF58476D1CE4E5B9
_MUL_2: Final = 0x94D049BB133111EB
_UNMUL_1: Final = pow(_MUL_1, -1, 1 << 64)
_UNMUL_2: Final = pow(_MUL_2, -1, 1 << 64)

_LONG_TEXT: Final = 256
"""Bytes. Longer texts are hashed one by one, so that one of them cannot make a chunk slow."""


def mix64(values: U64) -> U64:
    """Return splitmix64's output for each value: a permutation of the 64-bit numbers.

    Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014).
    """
    z = values + np.uint64(_STEP)
    z ^= z >> np.uint64(30)
    z *= np.uint64(_MUL_1)
    z ^= z >> np.uint64(27)
    z *= np.uint64(_MUL_2)
    z ^= z >> np.uint64(31)
    return z


def unmix64(hashes: U64) -> U64:
    """Return the values whose ``mix64`` these are."""
    z: U64 = hashes ^ (hashes >> np.uint64(31)) ^ (hashes >> np.uint64(62))
    z *= np.uint64(_UNMUL_2)
    z ^= (z >> np.uint64(27)) ^ (z >> np.uint64(54))
    z *= np.uint64(_UNMUL_1)
    z ^= (z >> np.uint64(30)) ^ (z >> np.uint64(60))
    z -= np.uint64(_STEP)
    return z


def pair_hash(high: U64, low: U64) -> U64:
    """Return one 64-bit hash of 128 bits.

    A million live session ids share a hash with a chance of 3 in 100 million.
    """
    return mix64(high ^ mix64(low))


def text_hash(texts: TextViews) -> U64:
    """Return the hash of each text's UTF-8 bytes; of a null any.

    Eight bytes a step, little endian, the last ones padded with zeros; the length goes first.
    Texts over 256 bytes: the first eight bytes of their BLAKE2b instead.
    """
    hashes = np.zeros(len(texts.views) // 2, np.uint64)
    views, data, valid = texts
    # Never read where it would reach past the end.
    count = max(len(data) - 7, 0)
    words = np.ndarray((count,), np.dtype("<u8"), data.data if count else None, strides=(1,))
    if not hash_texts(views, data, words, valid, _LONG_TEXT, hashes):
        return hashes
    for row in np.flatnonzero(texts.lengths(slice(None)) > _LONG_TEXT).tolist():
        if valid.size and not valid[row]:
            continue
        text = texts.copies(np.array([row]))[0].as_py().encode()
        hashes[row] = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
    return hashes
