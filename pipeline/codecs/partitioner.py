"""Which partition a key belongs to: murmur2, as Java's default partitioner.

https://github.com/apache/kafka/blob/4.0.0/clients/src/main/java/org/apache/kafka/common/utils/Utils.java
"""

from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.codecs.arrow_bytes import bytes_of, lengths_of, offsets_of

_SEED: Final = np.uint32(0x9747B28C)
_M: Final = np.uint32(0x5BD1E995)
_PADDING: Final = bytes(8)


def partition_of(keys: pa.BinaryArray, partitions: int) -> NDArray[np.int32]:
    """Return the partition of every key; keys are not null."""
    return ((murmur2(keys) & 0x7FFFFFFF) % np.uint32(partitions)).astype(np.int32)


def murmur2(keys: pa.BinaryArray) -> NDArray[np.uint32]:
    """Return the hash of every key, four bytes of all keys at a time."""
    if not len(keys):
        return np.zeros(0, np.uint32)
    start = offsets_of(keys)[:-1].astype(np.int64)
    length = lengths_of(keys)
    words = _words(keys)
    state = _SEED ^ length.astype(np.uint32)
    # Longest first: the keys that still have four bytes are always the first so many.
    order = np.argsort(-length, kind="stable")
    start, length, state = start[order], length[order], state[order]
    fours = length // 4
    for place in range(int(fours[0])):
        going = int(np.searchsorted(-fours, -place, "left"))
        _mix(state[:going], words[start[:going] + 4 * place])
    _mix_rest(state, length, words[start + 4 * fours])
    state ^= state >> 13
    state *= _M
    state ^= state >> 15
    hashes = np.empty_like(state)
    hashes[order] = state
    return hashes


def _words(keys: pa.BinaryArray) -> NDArray[np.uint32]:
    """Return the four bytes that begin at each place of the keys' bytes."""
    data = bytes_of(keys).tobytes() + _PADDING
    return np.ndarray((len(data) - 3,), "<u4", data, 0, (1,))


def _mix(state: NDArray[np.uint32], word: NDArray[np.uint32]) -> None:
    word = word * _M
    word ^= word >> 24
    word *= _M
    state *= _M
    state ^= word


def _mix_rest(
    state: NDArray[np.uint32], length: NDArray[np.int64], word: NDArray[np.uint32]
) -> None:
    """Mix in the last one to three bytes."""
    left = length % 4
    mask = ((1 << (8 * left)) - 1).astype(np.uint32)
    mixed = (state ^ (word & mask)) * _M
    np.copyto(state, mixed, where=left > 0)
