"""Many rows of bytes at once: zigzag varints and texts side by side, no Python per row.

Avro and Kafka's record batches both write integers as zigzag varints and texts after their
length. Runs of integers become one matrix of bytes, a row each, from which the bytes that are
not there are left out; texts are taken as they are; at the end Arrow joins the pieces row by row.
"""

from typing import Any, Final, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.codecs.arrow_bytes import Bytes, Int64s, from_lengths

Bools = NDArray[np.bool_]

_LONGEST: Final = 10
_EMPTY: Final[Any] = pa.scalar(b"", pa.binary())


class _Cells(NamedTuple):
    """Some bytes of every row: (n, width), and which of them count (None: all)."""

    cells: Bytes
    kept: Bools | None


class RowBytes:
    """Collects what every row consists of, from left to right."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._run: list[_Cells] = []
        self._pieces: list[pa.BinaryArray] = []

    def constant(self, value: bytes, present: Bools | None = None) -> None:
        """Add the same bytes to every row, or to those where they are present."""
        cells = np.broadcast_to(np.frombuffer(value, np.uint8), (self._rows, len(value)))
        self._add(cells, None, present)

    def varint(self, values: Int64s, present: Bools | None = None) -> None:
        """Add a zigzag varint to every row, or to those where it is present."""
        cells, kept = _varint_cells(values)
        self._add(cells, kept, present)

    def fixed(self, cells: Bytes, present: Bools | None = None) -> None:
        """Add a row of the matrix to every row, or to those where it is present."""
        self._add(cells, None, present)

    def binary(self, values: pa.BinaryArray) -> None:
        """Add a value to every row as it is; there must be no nulls."""
        self._flush()
        self._pieces.append(values)

    def join(self) -> pa.BinaryArray:
        """Return the rows."""
        self._flush()
        if not self._pieces:
            return pa.array([b""] * self._rows, pa.binary())
        if len(self._pieces) == 1:
            return self._pieces[0]
        return cast(pa.BinaryArray, pc.binary_join_element_wise(*self._pieces, _EMPTY))

    def _add(self, cells: Bytes, kept: Bools | None, present: Bools | None) -> None:
        if present is not None:
            kept = np.ones(cells.shape, bool) if kept is None else kept
            kept = kept & present[:, None]
        self._run.append(_Cells(cells, kept))

    def _flush(self) -> None:
        if not self._run:
            return
        run, self._run = self._run, []
        width = sum(part.cells.shape[1] for part in run)
        cells = np.empty((self._rows, width), np.uint8)
        kept = np.ones((self._rows, width), bool)
        at = 0
        for part in run:
            until = at + part.cells.shape[1]
            cells[:, at:until] = part.cells
            if part.kept is not None:
                kept[:, at:until] = part.kept
            at = until
        if all(part.kept is None for part in run):
            lengths = np.full(self._rows, width)
            self._pieces.append(from_lengths(lengths, cells.reshape(-1)))
        else:
            lengths = np.count_nonzero(kept, axis=1)
            self._pieces.append(from_lengths(lengths, cells[kept]))


def varint_lengths(values: Int64s) -> Int64s:
    """Return how many bytes the zigzag varint of each value has."""
    zigzag = _zigzag(values)
    lengths = np.ones(len(values), np.int64)
    for bits in range(7, 7 * _width(zigzag), 7):
        lengths += zigzag >= np.uint64(1 << bits)
    return lengths


def _varint_cells(values: Int64s) -> tuple[Bytes, Bools | None]:
    zigzag = _zigzag(values)
    width = _width(zigzag)
    cells = np.empty((len(values), width), np.uint8)
    if width == 1:
        cells[:, 0] = zigzag
        return cells, None
    kept = np.ones((len(values), width), bool)
    if width <= 4:
        zigzag = zigzag.astype(np.uint32)
    for place in range(width):
        cells[:, place] = (zigzag >> (7 * place)).astype(np.uint8) & 0x7F
        if place:
            more = zigzag >= zigzag.dtype.type(1 << (7 * place))
            kept[:, place] = more
            cells[:, place - 1] |= more.view(np.uint8) << 7
    return cells, kept


def _zigzag(values: Int64s) -> NDArray[np.uint64] | NDArray[np.uint32]:
    return ((values << 1) ^ (values >> 63)).view(np.uint64)


def _width(zigzag: NDArray[np.uint64] | NDArray[np.uint32]) -> int:
    largest = int(zigzag.max(initial=0))
    return max(1, (largest.bit_length() + 6) // 7)
