"""Lines of JSON where they lie in a block: nothing is split that need not be."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np

from pipeline.codecs.arrow_bytes import Bytes, Int64s
from pipeline.codecs.web_log_kernels import PADDING

_LINE_END, _OPEN, _CLOSE = b"\n{}"


class JsonLines(NamedTuple):
    """Line ``i`` is ``data[starts[i] : ends[i]]``; PADDING bytes lie behind the last one."""

    data: Bytes
    starts: Int64s
    ends: Int64s

    @classmethod
    def of(cls, lines: Sequence[bytes]) -> Self:
        """Return lines one after the other; about 250 ns each and a copy of their bytes."""
        data = np.frombuffer(b"\n".join((*lines, bytes(PADDING))), np.uint8)
        ends = np.cumsum(np.fromiter(map(len, lines), np.int64, len(lines)) + 1) - 1
        starts = np.zeros(len(lines), np.int64)
        starts[1:] = ends[:-1] + 1
        return cls(data, starts, ends)

    @classmethod
    def objects(cls, text: bytes) -> Self | None:
        """Return the lines of a text if every one is ``{…}`` with nothing around it, else None."""
        size = len(text)
        if not size:
            return None
        data = np.zeros(size + PADDING, np.uint8)
        data[:size] = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(data[:size] == _LINE_END)
        if text[-1] != _LINE_END:
            ends = np.append(ends, size)
        starts = np.zeros_like(ends)
        starts[1:] = ends[:-1] + 1
        # An empty line begins with its own end, which is no bracket.
        if (data[starts] != _OPEN).any() or (data[ends - 1] != _CLOSE).any():
            return None
        return cls(data, starts, ends)

    @property
    def size(self) -> int:
        """How many lines there are."""
        return len(self.starts)

    def line(self, place: int) -> bytes:
        """Return a copy of one line."""
        return self.data[self.starts[place] : self.ends[place]].tobytes()
