"""A text of lines where it lies in memory, its ends found once for all who read it."""

from typing import NamedTuple, Self

import numpy as np

from pipeline.codecs.arrow_bytes import Bytes, Int64s
from pipeline.codecs.line_kernels import PADDING, find_line_ends


class TextLines(NamedTuple):
    """Line ``i`` ends before ``ends[i]``, the next one begins behind it.

    The last one may have no end: then its place is that of the text. PADDING bytes lie behind.
    """

    data: Bytes
    ends: Int64s

    @classmethod
    def of(cls, *pieces: bytes | memoryview) -> Self:
        """Return a text given in pieces; the only copy of its bytes."""
        size = sum(map(len, pieces))
        data, at = np.empty(size + PADDING, np.uint8), 0
        for piece in pieces:
            data[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
            at += len(piece)
        data[size:] = 0
        # Pages that are never written to are never handed out by the system.
        ends = np.empty(size + 1, np.int64)
        count = find_line_ends(data, size, ends)
        if size and (not count or ends[count - 1] != size - 1):
            ends[count] = size
            count += 1
        return cls(data, ends[:count].copy())

    @property
    def size(self) -> int:
        """How many lines there are, blank ones included."""
        return len(self.ends)

    def text(self) -> bytes:
        """Return a copy of the text."""
        return self.data[:-PADDING].tobytes()
