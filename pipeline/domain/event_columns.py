"""What an event batch is to those who take it as arrays: sessions and signals."""

from collections.abc import Mapping
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Longs = NDArray[np.int64]


class EventColumns(Protocol):
    """The columns of an event batch by their kind, each with a value a row.

    Numbers come with flags that say which are not null, texts as Arrow's views (two words each),
    the data that they point into, and such flags. Flags are empty where all are there; the words
    of a null text are zero.
    https://arrow.apache.org/docs/format/Columnar.html#variable-size-binary-view-layout
    """

    @property
    def height(self) -> int:
        """How many rows there are."""

    @property
    def plain(self) -> Mapping[str, NDArray[Any]]:
        """Numbers and flags without nulls."""

    @property
    def numbers(self) -> Mapping[str, tuple[Longs, Flags]]:
        """Whole numbers."""

    @property
    def texts(self) -> Mapping[str, tuple[Longs, NDArray[np.uint8], Flags]]:
        """Texts."""

    def part(self, first: int, end: int) -> Self:
        """Return the rows between two places."""
