"""What was counted of recent minutes, by minute, feed and key, final or not yet."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from pipeline.domain.feeds import Feed

Cell = TypeVar("Cell")
OfMinute = Mapping[Feed, Mapping[str, Cell]]


class MinuteCells(Generic[Cell]):
    """Absolute counts: the latest statement about a minute, feed and key replaces the others."""

    def __init__(self) -> None:
        self._minutes: dict[int, dict[Feed, dict[str, Cell]]] = {}
        self._places: dict[str, set[int]] = {}
        self._changed: set[int] = set()

    def put(self, minute: int, feed: Feed, cells: Iterable[tuple[str, Cell]]) -> None:
        """Take restated counts of a minute that is not final."""
        given = dict(cells)
        self._minutes.setdefault(minute, {}).setdefault(feed, {}).update(given)
        self._place(minute, given)
        self._changed.add(minute)

    def settle(self, minute: int, cells: dict[Feed, dict[str, Cell]]) -> None:
        """Take a final minute whole."""
        if self._minutes.get(minute, {}) != cells:
            self._changed.add(minute)
        self._forget(minute)
        if cells:
            self._minutes[minute] = cells
            for of in cells.values():
                self._place(minute, of)

    def at(self, minute: int) -> OfMinute[Cell]:
        """Return the counts of a minute; a key that is not there counted nothing."""
        return self._minutes.get(minute, {})

    def keys(self, minute: int) -> set[str]:
        """Return the keys that have counts in a minute, in any feed."""
        return set().union(*self._minutes.get(minute, {}).values())

    def of(self, minutes: Sequence[int], key: str) -> dict[Feed, list[tuple[int, Cell]]]:
        """Return the counts of a key in some minutes, by feed; costs no more than it finds."""
        found: dict[Feed, list[tuple[int, Cell]]] = {}
        there = self._places.get(key)
        if not there:
            return found
        few = minutes if len(minutes) <= len(there) else sorted(there)
        for minute in few:
            if minute in there and minute in minutes:
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
        return gone

    def take_changed(self) -> set[int]:
        """Return the minutes that changed since this was last asked."""
        changed, self._changed = self._changed, set()
        return changed

    def _place(self, minute: int, keys: Iterable[str]) -> None:
        for key in keys:
            there = self._places.get(key)
            if there is None:
                self._places[key] = {minute}
            else:
                there.add(minute)

    def _forget(self, minute: int) -> None:
        for of in self._minutes.pop(minute, {}).values():
            for key in of:
                there = self._places.get(key)
                if there is not None:
                    there.discard(minute)
                    if not there:
                        del self._places[key]

    def __len__(self) -> int:
        return len(self._minutes)
