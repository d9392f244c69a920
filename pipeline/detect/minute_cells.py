"""What was counted of recent minutes, by minute, feed and key, final or not yet."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from pipeline.domain.feeds import Feed

Cell = TypeVar("Cell")
OfMinute = Mapping[Feed, Mapping[str, Cell]]

_BELOW: Final = 60
"""Minutes below the first one for which masks leave room."""

_MOST_BELOW: Final = 480
"""Unused minutes below the first one from which masks are moved down."""


class MinuteCells(Generic[Cell]):
    """Absolute counts: the latest statement about a minute, feed and key replaces the others.

    Where a key's counts are is a mask of bits, one a minute from ``_first`` on: a set of minutes
    for each key takes the garbage collector's time and four times the memory. It is kept from the
    first time that somebody asks for the minutes of a key: most rules on counts never do.
    """

    def __init__(self) -> None:
        self._minutes: dict[int, dict[Feed, dict[str, Cell]]] = {}
        self._masks: dict[str, int] | None = None
        self._first = 0
        self._changed: set[int] = set()

    def put(self, minute: int, feed: Feed, cells: Iterable[tuple[str, Cell]]) -> None:
        """Take restated counts of a minute that is not final."""
        given = dict(cells)
        held = self._minutes.setdefault(minute, {}).setdefault(feed, {})
        if self._masks is not None:
            self._mark(self._masks, minute, given.keys() - held.keys() if held else given)
        held.update(given)
        self._changed.add(minute)

    def settle(self, minute: int, cells: dict[Feed, dict[str, Cell]]) -> None:
        """Take a final minute whole."""
        if self._minutes.get(minute, {}) == cells:
            if cells:
                self._minutes[minute] = cells
            else:
                self._minutes.pop(minute, None)
            return
        self._changed.add(minute)
        self._forget(minute)
        if cells:
            self._minutes[minute] = cells
            if self._masks is not None:
                for of in cells.values():
                    self._mark(self._masks, minute, of)

    def at(self, minute: int) -> OfMinute[Cell]:
        """Return the counts of a minute; a key that is not there counted nothing."""
        return self._minutes.get(minute, {})

    def keys(self, minute: int) -> set[str]:
        """Return the keys that have counts in a minute, in any feed."""
        return set().union(*self._minutes.get(minute, {}).values())

    def of(self, minutes: Sequence[int], key: str) -> dict[Feed, list[tuple[int, Cell]]]:
        """Return the counts of a key in consecutive minutes, by feed; costs what it finds."""
        found: dict[Feed, list[tuple[int, Cell]]] = {}
        mask = self._known_masks().get(key)
        if not mask or not minutes:
            return found
        first = minutes[0]
        below = first - self._first
        mask = (mask >> below if below >= 0 else mask << -below) & ((1 << len(minutes)) - 1)
        while mask:
            lowest = mask & -mask
            mask ^= lowest
            minute = first + lowest.bit_length() - 1
            for feed, cells in self._minutes[minute].items():
                if key in cells:
                    found.setdefault(feed, []).append((minute, cells[key]))
        return found

    def minutes(self) -> Iterable[int]:
        """Return the minutes that have counts."""
        return self._minutes

    def drop(self, before: int) -> list[int]:
        """Forget minutes before this one; return which."""
        gone = [minute for minute in self._minutes if minute < before]
        for minute in gone:
            self._forget(minute)
        self._changed = {minute for minute in self._changed if minute >= before}
        if gone and self._masks and before - self._first > _MOST_BELOW:
            self._move(self._masks, before)
        return gone

    def take_changed(self) -> set[int]:
        """Return the minutes that changed since this was last asked."""
        changed, self._changed = self._changed, set()
        return changed

    def _known_masks(self) -> dict[str, int]:
        if self._masks is None:
            masks: dict[str, int] = {}
            self._masks = masks
            for minute, of in self._minutes.items():
                for cells in of.values():
                    self._mark(masks, minute, cells)
        return self._masks

    def _mark(self, masks: dict[str, int], minute: int, keys: Iterable[str]) -> None:
        if not masks:
            self._first = minute - _BELOW
        elif minute < self._first:
            self._move(masks, minute)
        bit = 1 << (minute - self._first)
        for key in keys:
            masks[key] = masks.get(key, 0) | bit

    def _move(self, masks: dict[str, int], minute: int) -> None:
        """Let masks begin a little below another minute; none has a bit before that."""
        up = self._first - (minute - _BELOW)
        for key, mask in masks.items():
            masks[key] = mask << up if up > 0 else mask >> -up
        self._first -= up

    def _forget(self, minute: int) -> None:
        gone = self._minutes.pop(minute, {})
        masks = self._masks
        if not masks or minute < self._first:
            return
        bit = 1 << (minute - self._first)
        for key in (key for of in gone.values() for key in of):
            mask = masks.get(key, 0)
            if mask == bit:
                del masks[key]
            elif mask & bit:
                masks[key] = mask ^ bit

    def __len__(self) -> int:
        return len(self._minutes)
