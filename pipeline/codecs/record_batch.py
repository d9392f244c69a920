"""The records section of Kafka's record batches (message format 2).

https://kafka.apache.org/documentation/#recordbatch: a record is its length, attributes (0),
timestamp delta (0: all records have the batch's time), offset delta, key, value, header count (0).
"""

from collections.abc import Iterator
from typing import Final, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.codecs.arrow_bytes import Int64s, bytes_of, lengths_of, offsets_of
from pipeline.codecs.row_bytes import RowBytes, varint_lengths

_ATTRIBUTES_AND_DELTA: Final = b"\0\0"
_NO_HEADERS: Final = b"\0"
_FIXED: Final = len(_ATTRIBUTES_AND_DELTA) + len(_NO_HEADERS)


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
        + varint_lengths(key_sizes)
        + np.maximum(key_sizes, 0)
        + varint_lengths(value_sizes)
        + np.maximum(value_sizes, 0)
    )
    starts = _split(payload, limit_bytes)
    deltas = np.arange(count) - np.repeat(starts, np.diff(np.append(starts, count)))
    records = RowBytes(count)
    records.varint(payload + varint_lengths(deltas))
    records.constant(_ATTRIBUTES_AND_DELTA)
    records.varint(deltas)
    records.varint(key_sizes)
    records.binary(_filled(keys))
    records.varint(value_sizes)
    records.binary(_filled(values))
    records.constant(_NO_HEADERS)
    joined = records.join()
    offsets, body = offsets_of(joined), bytes_of(joined).data
    for start, end in zip(starts, np.append(starts[1:], count), strict=True):
        yield int(end - start), body[offsets[start] : offsets[end]]


def _split(payload: Int64s, limit_bytes: int) -> Int64s:
    """Return the first record of every batch.

    The length of an offset delta depends on where the batch begins; the longest is reckoned.
    """
    longest_delta = varint_lengths(np.array([len(payload)]))
    whole = payload + longest_delta
    ends = np.cumsum(whole + varint_lengths(whole))
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


def _filled(values: pa.BinaryArray) -> pa.BinaryArray:
    return cast(pa.BinaryArray, values.fill_null(b"")) if values.null_count else values
