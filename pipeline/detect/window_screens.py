"""Which keys can have enough in a window at all: most are told apart before their window is read.

Minutes lie in stretches as long as a window, so every window lies in two of them. What is kept of
a stretch only grows until it is dropped: a key too many costs a look, none is ever missed. Keys and
members are known by hashes of 64 bits: of 100,000 keys two are taken for one in one stretch of
four billion, and then what both counted may be too little by what one of them counted.
"""

from collections.abc import Collection
from itertools import pairwise
from typing import Any, Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.detect import screen_kernels
from pipeline.detect.screen_kernels import FIELDS, HERE, NEXT, Table
from pipeline.detect.signals import Rows, Signals
from pipeline.detect.texts import RowKeys
from pipeline.domain.feeds import Feed

_NONE: Final = frozenset[str]()
_EMPTY: Final[Table] = np.zeros((1, FIELDS), np.int64)
_FIRST: Final = 64

I64 = npt.NDArray[np.int64]
_NO_MEMBERS: Final[I64] = np.zeros(0, np.int64)


class Counted(NamedTuple):
    """Counts of keys, a row for each, ordered by minute.

    ``moments`` tell minutes and feeds apart. ``ones``: hash of the member of a row that counts one
    alone, else 0; empty: no row counts members.
    """

    keys: RowKeys
    minutes: I64
    moments: I64
    counts: I64
    ones: I64 = _NO_MEMBERS

    def since(self, minute: int) -> Self:
        """Return the rows of this minute and later ones."""
        first = int(np.searchsorted(self.minutes, minute))
        if first == 0:
            return self
        keys = self.keys.picked(np.arange(first, len(self.minutes)))
        minutes, moments, counts, ones = (column[first:] for column in self[1:])
        return type(self)(keys, minutes, moments, counts, ones)


def counted_of(
    signals: Signals, rows: Rows, feeds: tuple[Feed, ...], counts: I64, ones: I64 = _NO_MEMBERS
) -> Counted:
    """Return the counts of a rule's rows."""
    moments = signals.moments(rows, feeds)
    return Counted(rows.keys, signals.minutes[rows.places], moments, counts, ones)


def counted_at(
    minute: int, moment: int, keys: list[str], counts: I64, ones: I64 = _NO_MEMBERS
) -> Counted:
    """Return counts of a few keys in one minute and feed."""
    texts = RowKeys(pl.Series(keys, dtype=pl.String))
    return Counted(texts, np.full(len(keys), minute), np.full(len(keys), moment), counts, ones)


class WindowScreen:
    """The keys that may have counted ``least`` in a window.

    Counts of minutes are added up; what a later statement about the same minute repeats is counted
    once. Of distinct members so is the one that a key meets again and again, alone in its minute.
    """

    def __init__(self, width: int, least: int) -> None:
        self._width = width
        self._least = least
        self._met: dict[int, Table] = {}
        self._known: dict[int, int] = {}
        self._wide: dict[int, set[str]] = {}

    def add(self, counted: Counted) -> None:
        """Take keys of minutes with their counts."""
        stretches, count = counted.minutes // self._width, len(counted.minutes)
        turns = np.flatnonzero(np.diff(stretches)) + 1
        wide = np.zeros(count, np.uint8)
        for first, last in pairwise([0, *turns.tolist(), count] if count else []):
            self._meet(int(stretches[first]), counted, first, last, wide)
        for bit, later in ((HERE, 0), (NEXT, 1)):
            rows = np.flatnonzero(wide & bit)
            keys = counted.keys.of(rows)
            for stretch, key in zip(stretches[rows].tolist(), keys, strict=True):
                self._wide.setdefault(stretch + later, set()).add(key)

    def _meet(
        self, stretch: int, counted: Counted, first: int, last: int, wide: npt.NDArray[np.uint8]
    ) -> None:
        known = self._known.get(stretch, 0)
        own = _roomy(self._met.get(stretch, _EMPTY), known + last - first)
        self._met[stretch] = own
        self._known[stretch] = known + screen_kernels.meet(
            counted.keys.hashes,
            counted.moments,
            counted.counts,
            counted.ones,
            first,
            last,
            self._met.get(stretch - 1, _EMPTY),
            own,
            self._met.get(stretch + 1, _EMPTY),
            self._least,
            wide,
        )

    def near(self, minute: int) -> Collection[str]:
        """Return the keys that may have counted enough in the window that ends with a minute."""
        return self._wide.get(minute // self._width, _NONE)

    def drop(self, before: int) -> None:
        """Forget stretches of which no window that ends at this minute or later has anything."""
        first = before // self._width - 1
        for stretches in (self._met, self._known, self._wide):
            _drop(stretches, first)


def _roomy(table: Table, keys: int) -> Table:
    """Return the table with room for so many keys: at most half of it is taken."""
    if 2 * keys <= len(table):
        return table
    larger = np.zeros((max(_FIRST, 1 << (2 * keys - 1).bit_length()), FIELDS), np.int64)
    screen_kernels.move(table, larger)
    return larger


def _drop(stretches: dict[int, Any], first: int) -> None:
    for stretch in [stretch for stretch in stretches if stretch < first]:
        del stretches[stretch]
