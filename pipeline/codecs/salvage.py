"""Values that break a block: the sound ones among them."""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import polars as pl

from pipeline.codecs.container import Unblockable
from pipeline.codecs.one_record import Doubtful, RecordReader
from pipeline.codecs.unreadable import Unreadable

Judge = Callable[[Sequence[bytes]], pl.DataFrame]

SMALL: Final = 64
"""Values in a block that is sifted before it is halved."""

_NO_FIT: Final = Unreadable(
    "the body does not fit the writer's schema, or has a null we do not take"
)


class Salvaged(NamedTuple):
    """Frames with the places of their rows, and the places of what is lost, with the reason."""

    found: list[tuple[list[int], pl.DataFrame]]
    bad: list[tuple[int, Unreadable]]


class Salvage:
    """Reads values of one writer without those that break the block.

    The block's reader (``judge``) decides on every value, in company or alone, so that no value's
    fate depends on its neighbours. A broken block is halved; a small one is first sifted with
    fastavro, which costs 10 µs a value where halving costs two calls of the judge for each.
    """

    def __init__(self, values: Sequence[bytes], sieve: RecordReader, judge: Judge) -> None:
        self._values = values
        self._sieve = sieve
        self._judge = judge
        self._found: list[tuple[list[int], pl.DataFrame]] = []
        self._bad: list[tuple[int, Unreadable]] = []

    def read(self, places: list[int]) -> Salvaged:
        """Read the values at these places."""
        self._read(places)
        return Salvaged(self._found, self._bad)

    def _read(self, places: list[int]) -> None:
        if not places:
            return
        try:
            frame = self._judge([self._values[place] for place in places])
        except Unblockable:
            self._divide(places)
        else:
            self._found.append((places, frame))

    def _divide(self, places: list[int]) -> None:
        if len(places) == 1:
            self._bad.append((places[0], self._fault(places[0]) or _NO_FIT))
            return
        if len(places) <= SMALL:
            faults = [(place, self._fault(place)) for place in places]
            certain = [(place, f) for place, f in faults if f and not isinstance(f, Doubtful)]
            if certain:
                self._bad.extend(certain)
                broken = {place for place, _ in certain}
                self._read([place for place in places if place not in broken])
                return
        middle = len(places) // 2
        self._read(places[:middle])
        self._read(places[middle:])

    def _fault(self, place: int) -> Unreadable | None:
        """Return what fastavro says against a value."""
        try:
            self._sieve.read(self._values[place])
        except Unreadable as fault:
            return fault
        return None


def read_singly(
    values: Sequence[bytes],
    places: list[int],
    reader: RecordReader,
    dtypes: dict[str, pl.DataType],
) -> Salvaged:
    """Read the values at these places with fastavro alone: writers whose records are not flat."""
    sound, records = [], []
    bad: list[tuple[int, Unreadable]] = []
    for place in places:
        try:
            records.append(reader.read(values[place]))
        except Unreadable as reason:
            bad.append((place, reason))
        else:
            sound.append(place)
    return Salvaged([(sound, pl.DataFrame(records, schema=dtypes))], bad)
