"""Arrow's binary arrays as numpy sees them: offsets and bytes, nothing copied.

https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-layout
"""

from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Int64s = NDArray[np.int64]
Bytes = NDArray[np.uint8]


def from_offsets(offsets: NDArray[np.int32] | Int64s, data: Bytes) -> pa.BinaryArray:
    """Return the values between offsets; ValueError if 32 bits do not hold them."""
    if len(offsets) and offsets[-1] >= 1 << 31:
        raise ValueError("more than 2 GiB cannot be one binary array")
    narrow = offsets.astype(np.int32, copy=False)
    buffers = [None, buffer_of(narrow), buffer_of(data)]
    return cast(pa.BinaryArray, pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers))


def from_matrix(texts: Bytes) -> pa.LargeStringArray:
    """Return the rows of a matrix as texts of one length; they must be UTF-8."""
    rows, length = texts.shape
    offsets = np.arange(0, (rows + 1) * length, length, dtype=np.int64)
    buffers = [None, buffer_of(offsets), buffer_of(np.ascontiguousarray(texts))]
    array = pa.Array.from_buffers(pa.large_string(), rows, buffers)
    return cast(pa.LargeStringArray, array)


def offsets_of(values: pa.BinaryArray) -> NDArray[np.int32]:
    """Return the offsets of a binary array: one more than it has values."""
    buffer = values.buffers()[1]
    if not len(values) or buffer is None:
        return np.zeros(1, np.int32)
    return np.frombuffer(memoryview(buffer), np.int32, len(values) + 1, values.offset * 4)


def lengths_of(values: pa.BinaryArray) -> Int64s:
    """Return the length of every value."""
    return np.diff(offsets_of(values)).astype(np.int64)


def bytes_of(values: pa.BinaryArray) -> Bytes:
    """Return the bytes that the offsets point into."""
    buffer = values.buffers()[2]
    return np.zeros(0, np.uint8) if buffer is None else np.frombuffer(memoryview(buffer), np.uint8)


def buffer_of(array: NDArray[Any]) -> pa.Buffer:
    """Return an array's memory, which must be contiguous, as Arrow takes it."""
    return pa.py_buffer(cast(bytes, array))
