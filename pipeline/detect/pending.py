"""Counts of minutes that are not final yet, by minute and key, and which of them changed."""

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

Cell = TypeVar("Cell")


class Pending(Generic[Cell]):
    """Absolute counts: the latest statement about a minute and key replaces the one before."""

    def __init__(self) -> None:
        self._minutes: dict[int, dict[str, Cell]] = {}
        self._changed: set[int] = set()

    def put(self, minute: int, key: str, cell: Cell) -> None:
        """Take a restated count."""
        self._minutes.setdefault(minute, {})[key] = cell
        self._changed.add(minute)

    def at(self, minute: int) -> Mapping[str, Cell]:
        """Return the counts of a minute; a key that is not there counted nothing."""
        return self._minutes.get(minute, {})

    def minutes(self) -> Iterator[int]:
        """Walk the minutes that hold counts, oldest first."""
        return iter(sorted(self._minutes))

    def drop(self, before: int) -> None:
        """Forget minutes before this one: they are final."""
        for minute in [minute for minute in self._minutes if minute < before]:
            del self._minutes[minute]
        self._changed = {minute for minute in self._changed if minute >= before}

    def take_changed(self, through: int) -> set[int]:
        """Return minutes before ``through`` that changed since they were last asked for."""
        ready = {minute for minute in self._changed if minute < through}
        self._changed -= ready
        return ready
