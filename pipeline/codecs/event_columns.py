"""An event batch as arrays: what compiled loops take, without a frame between them and the rows."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.codecs.arrow_bytes import buffer_of
from pipeline.codecs.text_views import ALL, Numbers, TextViews, text_column

Flags = NDArray[np.bool_]
Array = NDArray[Any]
_VIEW: Final = 2
"""Words of a view."""


class EventColumns(NamedTuple):
    """The columns of an event batch by their kind; ``frame`` is the same as one of polars.

    ``plain`` are numbers and flags without nulls, ``numbers`` those that may be null, ``texts``
    are views into data that nobody copied.
    """

    height: int
    plain: Mapping[str, Array]
    numbers: Mapping[str, Numbers]
    texts: Mapping[str, TextViews]

    def some(self, places: NDArray[np.intp]) -> "EventColumns":
        """Return the rows at some places."""
        return EventColumns(
            len(places),
            {name: values[places] for name, values in self.plain.items()},
            {
                name: Numbers(each.values[places], _at(each.present, places))
                for name, each in self.numbers.items()
            },
            {
                name: TextViews(
                    each.views.reshape(-1, _VIEW)[places].reshape(-1),
                    each.data,
                    _at(each.present, places),
                )
                for name, each in self.texts.items()
            },
        )

    def part(self, first: int, end: int) -> "EventColumns":
        """Return the rows between two places."""
        rows = slice(first, min(end, self.height))
        if rows == slice(0, self.height):
            return self
        return EventColumns(
            rows.stop - rows.start,
            {name: values[rows] for name, values in self.plain.items()},
            {
                name: Numbers(each.values[rows], each.present[rows])
                for name, each in self.numbers.items()
            },
            {
                name: TextViews(
                    each.views[_VIEW * rows.start : _VIEW * rows.stop],
                    each.data,
                    each.present[rows],
                )
                for name, each in self.texts.items()
            },
        )

    def frame(self, names: Mapping[str, Any]) -> pl.DataFrame:
        """Return a frame with these columns."""
        return pl.DataFrame([self._series(name).alias(name) for name in names])

    def _series(self, name: str) -> pl.Series:
        if name in self.plain:
            return pl.Series(self.plain[name])
        if name in self.texts:
            return text_column(self.texts[name])
        values, present = self.numbers[name]
        bits = buffer_of(np.packbits(present, bitorder="little")) if present.size else None
        longs: Any = pa.Array.from_buffers(pa.int64(), self.height, [bits, buffer_of(values)])
        return cast(pl.Series, pl.from_arrow(longs))


def _at(present: Flags, places: NDArray[np.intp]) -> Flags:
    if not present.size:
        return ALL
    some = present[places]
    return ALL if some.all() else some
