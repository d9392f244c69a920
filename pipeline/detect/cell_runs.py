"""Counts of one minute and feed as they come: rows of columns, made into cells when asked for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from pipeline.detect.texts import Keys, TextLists
from pipeline.domain.feeds import Feed

Cell = TypeVar("Cell")
Told_co = TypeVar("Told_co", covariant=True)

MOST_WAITING: Final = 6
"""Runs of one minute and feed that wait to be looked at."""


class CellColumn(Generic[Cell]):
    """Cells of rows: ``make`` gets a list for each column of numbers, then that of the texts."""

    def __init__(
        self,
        make: Callable[..., Sequence[Cell]],
        *numbers: npt.NDArray[np.int64],
        lists: TextLists | None = None,
    ) -> None:
        self._make = make
        self._numbers = numbers
        self._lists = lists

    def some(self, first: int, last: int) -> Sequence[Cell]:
        """Return the cells of rows ``first`` to ``last`` (not included)."""
        parts: list[Any] = [one[first:last].tolist() for one in self._numbers]
        if self._lists is not None:
            parts.append(self._lists.some(first, last))
        return self._make(*parts)


def counted(numbers: npt.NDArray[np.int64]) -> CellColumn[int]:
    """Return a column whose cells are its numbers."""
    return CellColumn(_itself, numbers)


def _itself(numbers: list[int]) -> list[int]:
    return numbers


class Run(Protocol[Told_co]):
    """Counts of keys in one minute and feed, each key once."""

    def __len__(self) -> int: ...

    def keys(self) -> Sequence[str]:
        """Return the keys."""

    def pairs(self) -> Iterable[tuple[str, Told_co]]:
        """Return keys and cells."""


Put = Callable[[int, Feed, Run[Cell]], None]
"""Takes what was counted in a minute of a feed."""


class CellRun(Generic[Cell]):
    """Rows ``first`` to ``last`` (not included): every key once."""

    __slots__ = ("_cells", "_first", "_keys", "_last")

    def __init__(self, keys: Keys, cells: CellColumn[Cell], first: int, last: int) -> None:
        self._keys, self._cells = keys, cells
        self._first, self._last = first, last

    def __len__(self) -> int:
        return self._last - self._first

    def keys(self) -> Sequence[str]:
        """Return the keys."""
        return self._keys.some(self._first, self._last)

    def pairs(self) -> Iterable[tuple[str, Cell]]:
        """Return keys and cells."""
        return zip(self.keys(), self._cells.some(self._first, self._last), strict=True)


class GivenRun(Generic[Cell]):
    """The same of cells that are made already."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Sequence[tuple[str, Cell]]) -> None:
        self._pairs = pairs

    def __len__(self) -> int:
        return len(self._pairs)

    def keys(self) -> Sequence[str]:
        """Return the keys."""
        return [key for key, _ in self._pairs]

    def pairs(self) -> Iterable[tuple[str, Cell]]:
        """Return keys and cells."""
        return self._pairs


class Layer(Generic[Cell]):
    """The counts of one minute and feed; the latest statement about a key replaces the others."""

    __slots__ = ("_known", "_waiting")

    def __init__(self, known: Mapping[str, Cell] | None = None) -> None:
        self._known: dict[str, Cell] = {} if known is None else dict(known)
        self._waiting: list[Run[Cell]] = []

    def __len__(self) -> int:
        if not self._known and len(self._waiting) == 1:
            return len(self._waiting[0])
        return len(self.known())

    def put(self, run: Run[Cell]) -> None:
        """Take restated counts."""
        self._waiting.append(run)
        if len(self._waiting) > MOST_WAITING:
            self.known()

    def known(self) -> dict[str, Cell]:
        """Return the cells by their keys."""
        if self._waiting:
            for run in self._waiting:
                self._known.update(run.pairs())
            self._waiting.clear()
        return self._known
