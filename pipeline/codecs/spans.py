"""Values that lie somewhere in one piece of bytes."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.codecs.arrow_bytes import Bytes, Int64s


class Spans(NamedTuple):
    """Value ``i`` is ``data[starts[i] : ends[i]]``; values follow each other, holes are allowed."""

    data: Bytes
    starts: Int64s
    ends: Int64s

    @classmethod
    def of(cls, values: Sequence[bytes]) -> Self:
        """Return values one after the other; about 50 ns each and a copy of their bytes."""
        ends = np.cumsum(np.fromiter(map(len, values), np.int64, len(values)))
        starts = np.zeros_like(ends)
        starts[1:] = ends[:-1]
        return cls(np.frombuffer(b"".join(values), np.uint8), starts, ends)

    @property
    def size(self) -> int:
        """How many values there are."""
        return len(self.starts)

    def value(self, place: int) -> bytes:
        """Return a copy of one value."""
        return self.data[self.starts[place] : self.ends[place]].tobytes()

    def some(self, places: NDArray[np.intp] | slice) -> "Spans":
        """Return the values at these places, of the same data."""
        return Spans(self.data, self.starts[places], self.ends[places])

    def trimmed(self) -> "Spans":
        """Return the same values without the data before the first and after the last."""
        if not self.size:
            return Spans(self.data[:0], self.starts, self.ends)
        first, last = int(self.starts[0]), int(self.ends[-1])
        return Spans(self.data[first:last], self.starts - first, self.ends - first)
