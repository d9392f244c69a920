"""The records section of Kafka's record batches (message format 2).

https://kafka.apache.org/documentation/#recordbatch: a record is its length, attributes (0),
timestamp delta (0: all records have the batch's time), offset delta, key, value, header count (0).
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.codecs.arrow_bytes import Bytes, Int64s, bytes_of, lengths_of, offsets_of
from pipeline.codecs.encode_kernels import write_records

_FIXED: Final = 3
"""Bytes of attributes, timestamp delta and header count, which are all 0."""


def record_batch_bodies(
    keys: pa.BinaryArray | None, values: pa.BinaryArray, *, limit_bytes: int
) -> Iterator[tuple[int, memoryview]]:
    """Yield (number of records, their bytes) of batches of at most ``limit_bytes``.

    A record that is longer than the limit is a batch of its own. ``keys`` None means that every
    key is null; single keys and values may be null too.
    """
    count = len(values)
    if not count:
        return
    if keys is None:
        keys = pa.nulls(count, pa.binary())
    key_sizes, value_sizes = _sizes(keys), _sizes(values)
    payload = (
        _FIXED
        + _varint_lengths(key_sizes)
        + np.maximum(key_sizes, 0)
        + _varint_lengths(value_sizes)
        + np.maximum(value_sizes, 0)
    )
    starts = _split(payload, limit_bytes)
    deltas = np.arange(count) - np.repeat(starts, np.diff(np.append(starts, count)))
    lengths = payload + _varint_lengths(deltas)
    ends = np.cumsum(lengths + _varint_lengths(lengths))
    body = np.empty(ends[-1], np.uint8)
    write_records(lengths, deltas, *_columns(keys), key_sizes, *_columns(values), value_sizes, body)
    first = 0
    for start, end in zip(starts, np.append(starts[1:], count), strict=True):
        yield int(end - start), body[first : ends[end - 1]].data
        first = ends[end - 1]


def _split(payload: Int64s, limit_bytes: int) -> Int64s:
    """Return the first record of every batch.

    The length of an offset delta depends on where the batch begins; the longest is reckoned.
    """
    longest_delta = _varint_lengths(np.array([len(payload)]))
    whole = payload + longest_delta
    ends = np.cumsum(whole + _varint_lengths(whole))
    starts, before = [0], 0
    while True:
        next_start = max(int(np.searchsorted(ends, before + limit_bytes, "right")), starts[-1] + 1)
        if next_start >= len(payload):
            return np.array(starts)
        starts.append(next_start)
        before = int(ends[next_start - 1])


def _sizes(values: pa.BinaryArray) -> Int64s:
    """Return lengths, -1 for null."""
    lengths = lengths_of(values)
    if values.null_count:
        lengths[_null(values)] = -1
    return lengths


def _null(values: pa.BinaryArray) -> NDArray[np.bool_]:
    return values.is_null().to_numpy(zero_copy_only=False)


def _columns(values: pa.BinaryArray) -> tuple[NDArray[np.int32], Bytes]:
    """Return where values begin, and the bytes they begin in."""
    return offsets_of(values), bytes_of(values)


def _varint_lengths(values: Int64s) -> Int64s:
    """Return how many bytes the zigzag varint of each value has."""
    zigzag = ((values << 1) ^ (values >> 63)).view(np.uint64)
    lengths = np.ones(len(values), np.int64)
    largest = int(zigzag.max(initial=0))
    for bits in range(7, largest.bit_length(), 7):
        lengths += zigzag >= np.uint64(1 << bits)
    return lengths
