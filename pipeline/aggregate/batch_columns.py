"""Columns of an event batch as arrays, of which single rows are read without any call of polars.

https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout
"""

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pipeline.aggregate import text_kernels
from pipeline.aggregate.arrow_texts import I64, Bytes, Texts
from pipeline.domain.event_columns import EventColumns

Flags = npt.NDArray[np.bool_]

_VIEW_BYTES: Final = 16
_ONE_DATA_BUFFER: Final = 3
"""Buffers of a column of views: validity, views, and as many of data as there are."""


class TextViews(NamedTuple):
    """A column of texts: two words each, the same as bytes, the data that they point into.

    ``present``: which are not null, None: all. The words of a null are zero.
    """

    views: I64
    inside: Bytes
    data: Bytes
    present: Flags | None


class _Numbers(NamedTuple):
    values: I64
    present: Flags | None


Batch = pl.DataFrame | EventColumns
"""What ``event_batch`` of the codecs gives."""


class BatchColumns:
    """Looks at each column once; what lies in it is not copied.

    ``present`` in answers: which of the rows are not null, None if the column has no nulls.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self.height = batch.height
        self._texts: dict[str, TextViews] = {}
        self._numbers: dict[str, _Numbers] = {}

    def plain(self, name: str) -> npt.NDArray[Any]:
        """Return a column of numbers or flags without nulls."""
        batch = self._batch
        return batch[name].to_numpy() if isinstance(batch, pl.DataFrame) else batch.plain[name]

    def text(self, name: str, rows: I64) -> tuple[Texts, Flags | None]:
        """Return copies of the texts of some rows, a null as a blank one; 15 to 30 ns a row."""
        column = self.views(name)
        offsets = np.empty(len(rows) + 1, np.int64)
        text_kernels.view_ends(column.views, rows, offsets)
        out = np.empty(offsets[-1], np.uint8)
        text_kernels.copy_views(*column[:3], rows, offsets, out)
        return Texts(offsets, out), None if column.present is None else column.present[rows]

    def number(self, name: str, rows: I64) -> tuple[I64, Flags | None]:
        """Return the whole numbers of some rows; a null is any number."""
        column = self._number(name)
        return column.values[rows], None if column.present is None else column.present[rows]

    def addresses(self, name: str, *, is_text: bool) -> tuple[int, int, int]:
        """Return where a column lies: its numbers or views, what these point into, its flags.

        Where there is nothing it is 0. The batch must outlive what is read there.
        """
        if is_text:
            views, _, data, present = self.views(name)
            return _address(views), _address(data), _address(present)
        values, present = self._number(name)
        return _address(values), 0, _address(present)

    def having(self, name: str) -> I64:
        """Return the rows in which a column of texts or whole numbers is not null."""
        batch = self._batch
        if isinstance(batch, pl.DataFrame):
            is_text = batch[name].dtype == pl.String
        else:
            is_text = name in batch.texts
        present = (self.views(name) if is_text else self._number(name)).present
        return np.arange(self.height) if present is None else np.flatnonzero(present)

    def flag(self, name: str, rows: I64) -> Flags:
        """Return the truth of some rows of a column without nulls."""
        flags: Flags = self.plain(name)[rows]
        return flags

    def views(self, name: str) -> TextViews:
        """Return a column of texts where they lie."""
        column = self._texts.get(name)
        if column is None:
            batch = self._batch
            if isinstance(batch, pl.DataFrame):
                column = text_views(batch[name])
            else:
                views, data, present = batch.texts[name]
                column = TextViews(views, views.view(np.uint8), data, _some(present))
            self._texts[name] = column
        return column

    def _number(self, name: str) -> _Numbers:
        column = self._numbers.get(name)
        if column is None:
            batch = self._batch
            if isinstance(batch, pl.DataFrame):
                array: Any = batch[name].to_arrow()
                memory = memoryview(array.buffers()[1])
                values = np.frombuffer(memory, np.int64, len(array), 8 * array.offset)
                column = _Numbers(values, _present(array))
            else:
                values, present = batch.numbers[name]
                column = _Numbers(values, _some(present))
            self._numbers[name] = column
        return column


def text_views(series: pl.Series) -> TextViews:
    """Return a column of texts where they lie."""
    array: Any = series.to_arrow(compat_level=pl.CompatLevel.newest())
    if len(array.buffers()) > _ONE_DATA_BUFFER:
        whole = pl.Series(values=series.to_arrow(compat_level=pl.CompatLevel.oldest()))
        array = whole.to_arrow(compat_level=pl.CompatLevel.newest())
    buffers = array.buffers()
    inside = np.frombuffer(memoryview(buffers[1]), np.uint8)
    inside = inside[_VIEW_BYTES * array.offset : _VIEW_BYTES * (array.offset + len(array))]
    data = np.zeros(0, np.uint8)
    if len(buffers) == _ONE_DATA_BUFFER and buffers[2].size:
        data = np.frombuffer(memoryview(buffers[2]), np.uint8)
    # What lies in the view of a null means nothing.
    present = _present(array)
    views = inside.view(np.int64)
    if present is not None:
        views = views.copy()
        views[::2][~present] = 0
    return TextViews(views, inside, data, present)


def item_views(series: pl.Series) -> tuple[I64, TextViews]:
    """Return how many texts each list of a column without nulls has, and all of them in a row."""
    array: Any = series.to_arrow(compat_level=pl.CompatLevel.newest())
    offsets = array.buffers()[1]
    if offsets is None or len(array) == 0:
        return np.zeros(len(array), np.int64), text_views(pl.Series([], dtype=pl.String))
    bounds = np.frombuffer(memoryview(offsets), np.int64, len(array) + 1, 8 * array.offset)
    items = array.values.slice(bounds[0], bounds[-1] - bounds[0])
    return np.diff(bounds), text_views(pl.Series(values=items))


def _address(array: npt.NDArray[Any] | None) -> int:
    if array is None:
        return 0
    memory: Any = array
    return int(pa.py_buffer(memory).address)


def _some(present: Flags) -> Flags | None:
    return present if present.size else None


def _present(array: Any) -> Flags | None:
    if not array.null_count:
        return None
    bits = np.frombuffer(memoryview(array.buffers()[0]), np.uint8)
    every = np.unpackbits(bits, bitorder="little", count=array.offset + len(array))
    return every[array.offset :].astype(bool)
