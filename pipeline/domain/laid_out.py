"""Records as they lie in memory: fields point into a few arrays, and none has one of its own.

A task publishes some hundred sessions of sixty fields twice a second. An array for each field
costs more than everything that is then written of them.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

Kind = Literal["long", "boolean", "hex", "text", "longs", "texts"]


class Lane(NamedTuple):
    """A number for each row: an array of 64-bit integers is cut into lanes of that length."""

    array: int
    number: int = 0


class Log(NamedTuple):
    """Places of two arrays: text ``n`` is ``data[ends[n] : ends[n + 1]]``, UTF-8."""

    ends: int
    data: int


class Absent(NamedTuple):
    """A field is null where this lane holds this number."""

    lane: Lane
    number: int


class Field(NamedTuple):
    """Where a field's values lie.

    | kind | ``values`` | ``more`` | ``mask`` |
    |---|---|---|---|
    | long | the number | | |
    | boolean | a number, true if any bit of the mask is set | | bits |
    | hex | upper half of 128 bits | lower half | exclusive or of both halves |
    | text | number in the ``log`` | | |
    | longs | where in ``more`` each list begins; one more for the last one's end | items | |
    | texts | the same | numbers in the ``log``; none: 0, 1, … | |
    """

    kind: Kind
    values: Lane
    more: Lane | None = None
    log: Log | None = None
    mask: int = 0
    absent: Absent | None = None


Layout: TypeAlias = Mapping[str, Field]


class Records(NamedTuple):
    """So many rows in arrays, which a layout reads. Arrays are contiguous."""

    rows: int
    arrays: Sequence[NDArray[Any]]

    def lane(self, lane: Lane, more: int = 0) -> NDArray[Any]:
        """Return the numbers of a lane, and so many behind it."""
        flat = self.arrays[lane.array].reshape(-1)
        return flat[lane.number * self.rows : (lane.number + 1) * self.rows + more]

    def column(self, field: Field) -> list[Any]:
        """Return a field's values, one by one: for whoever looks at few records."""
        found = _READ[field.kind](self, field)
        if field.absent is None:
            return found
        there = self.lane(field.absent.lane) != field.absent.number
        return [value if known else None for value, known in zip(found, there, strict=True)]

    def frame(self, layout: Layout) -> pl.DataFrame:
        """Return ``column`` of each field."""
        return pl.DataFrame(
            {name: self.column(field) for name, field in layout.items()},
            schema={name: _DTYPES[field.kind] for name, field in layout.items()},
        )


def _longs(records: Records, field: Field) -> list[Any]:
    return records.lane(field.values).tolist()  # type: ignore[no-any-return]


def _booleans(records: Records, field: Field) -> list[Any]:
    return ((records.lane(field.values) & field.mask) != 0).tolist()  # type: ignore[no-any-return]


def _hexes(records: Records, field: Field) -> list[Any]:
    halves = [records.lane(lane).view(np.uint64) for lane in (field.values, field.more) if lane]
    flip = np.uint64(field.mask & 0xFFFFFFFFFFFFFFFF)
    high, low = ((half ^ flip).tolist() for half in halves)
    return [f"{upper:016x}{lower:016x}" for upper, lower in zip(high, low, strict=True)]


def _texts(records: Records, field: Field) -> list[Any]:
    return _logged(records, field.log, records.lane(field.values))


def _lists(records: Records, field: Field) -> list[Any]:
    bounds = pairwise(records.lane(field.values, 1).tolist())
    items = records.arrays[field.more.array].view(np.int64) if field.more else None
    if field.kind == "longs":
        return [[] if items is None else items[first:end].tolist() for first, end in bounds]
    return [
        _logged(records, field.log, np.arange(first, end) if items is None else items[first:end])
        for first, end in bounds
    ]


def _logged(records: Records, log: Log | None, numbers: NDArray[Any]) -> list[Any]:
    if log is None:
        raise ValueError("texts need a log")
    ends, data = records.arrays[log.ends], records.arrays[log.data]
    return [
        None if number < 0 else data[ends[number] : ends[number + 1]].tobytes().decode()
        for number in numbers.tolist()
    ]


_READ = {
    "long": _longs,
    "boolean": _booleans,
    "hex": _hexes,
    "text": _texts,
    "longs": _lists,
    "texts": _lists,
}

_DTYPES: Final[Mapping[Kind, Any]] = {
    "long": pl.Int64,
    "boolean": pl.Boolean,
    "hex": pl.String,
    "text": pl.String,
    "longs": pl.List(pl.Int64),
    "texts": pl.List(pl.String),
}
