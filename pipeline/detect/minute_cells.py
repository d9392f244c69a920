"""What was counted of recent minutes, by minute, feed and key, final or not yet."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Generic

from pipeline.detect.cell_runs import Cell, Layer, Run
from pipeline.domain.feeds import Feed

OfMinute = Mapping[Feed, Mapping[str, Cell]]
Layers = dict[Feed, Layer[Cell]]

_NOTHING: Final[Mapping[str, object]] = {}

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
        self._minutes: dict[int, Layers[Cell]] = {}
        self._masks: dict[str, int] | None = None
        self._first = 0
        self._changed: set[int] = set()

    def put(self, minute: int, feed: Feed, run: Run[Cell]) -> None:
        """Take restated counts of a minute that is not final."""
        layer = self._layer(minute, feed)
        if self._masks is not None:
            self._mark(self._masks, minute, run.keys())
        layer.put(run)

    def _layer(self, minute: int, feed: Feed) -> Layer[Cell]:
        self._changed.add(minute)
        of = self._minutes.setdefault(minute, {})
        layer = of.get(feed)
        if layer is None:
            layer = of[feed] = Layer()
        return layer

    def settle(self, minute: int, layers: Layers[Cell]) -> None:
        """Take a final minute whole."""
        if self._says(minute, layers):
            if layers:
                self._minutes[minute] = layers
            else:
                self._minutes.pop(minute, None)
            return
        self._changed.add(minute)
        self._forget(minute)
        if layers:
            self._minutes[minute] = layers
            if self._masks is not None:
                for layer in layers.values():
                    self._mark(self._masks, minute, layer.known())

    def _says(self, minute: int, layers: Layers[Cell]) -> bool:
        held = self._minutes.get(minute, {})
        return held.keys() == layers.keys() and all(
            held[feed].known() == layer.known() for feed, layer in layers.items()
        )

    def at(self, minute: int) -> OfMinute[Cell]:
        """Return the counts of a minute; a key that is not there counted nothing."""
        return {feed: layer.known() for feed, layer in self._minutes.get(minute, {}).items()}

    def cells(self, minute: int, feed: Feed) -> Mapping[str, Cell]:
        """Return the counts of a minute and feed. About 0.1 µs."""
        of = self._minutes.get(minute)
        layer = None if of is None else of.get(feed)
        return _NOTHING if layer is None else layer.known()  # type: ignore[return-value]

    def keys(self, minute: int) -> set[str]:
        """Return the keys that have counts in a minute, in any feed."""
        return set().union(*self.at(minute).values())

    def width(self, minute: int) -> int:
        """Return how many keys have counts in a minute."""
        of = self._minutes.get(minute, {})
        return len(self.keys(minute)) if len(of) > 1 else sum(map(len, of.values()))

    def of(self, minutes: Sequence[int], key: str) -> dict[Feed, list[tuple[int, Cell]]]:
        """Return the counts of a key in consecutive minutes, by feed; costs what it finds."""
        found: dict[Feed, list[tuple[int, Cell]]] = {}
        for minute in self.where(minutes, key):
            for feed, layer in self._minutes[minute].items():
                cells = layer.known()
                if key in cells:
                    found.setdefault(feed, []).append((minute, cells[key]))
        return found

    def where(self, minutes: Sequence[int], key: str) -> list[int]:
        """Return those of consecutive minutes in which a key has counts; costs what it finds."""
        found: list[int] = []
        mask = self._mask(minutes, key)
        first = minutes[0] if mask else 0
        while mask:
            lowest = mask & -mask
            mask ^= lowest
            found.append(first + lowest.bit_length() - 1)
        return found

    def is_alone(self, minutes: Sequence[int], key: str) -> bool:
        """Return whether a key has counts in at most one of consecutive minutes."""
        mask = self._mask(minutes, key)
        return mask & (mask - 1) == 0

    def _mask(self, minutes: Sequence[int], key: str) -> int:
        """Return in which of consecutive minutes a key has counts, the first as the lowest bit."""
        mask = self._known_masks().get(key)
        if not mask or not minutes:
            return 0
        below = minutes[0] - self._first
        return (mask >> below if below >= 0 else mask << -below) & ((1 << len(minutes)) - 1)

    def minutes(self) -> Iterable[int]:
        """Return the minutes that have counts."""
        return self._minutes

    def has(self, minute: int) -> bool:
        """Return whether anything was said of a minute."""
        return bool(self._minutes.get(minute))

    def drop(self, before: int) -> list[int]:
        """Forget minutes before this one; return which."""
        gone = [minute for minute in self._minutes if minute < before]
        for minute in gone:
            self._forget(minute)
        self._changed = {minute for minute in self._changed if minute >= before}
        if gone and self._masks and before - self._first > _MOST_BELOW:
            self._move(self._masks, before)
        return gone

    def take_changed(self, before: int = 1 << 62) -> set[int]:
        """Return the minutes before one that changed since they were last asked for."""
        changed = {minute for minute in self._changed if minute < before}
        self._changed -= changed
        return changed

    def _known_masks(self) -> dict[str, int]:
        if self._masks is None:
            masks: dict[str, int] = {}
            self._masks = masks
            for minute, of in self._minutes.items():
                for layer in of.values():
                    self._mark(masks, minute, layer.known())
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
        for key in (key for layer in gone.values() for key in layer.known()):
            mask = masks.get(key, 0)
            if mask == bit:
                del masks[key]
            elif mask & bit:
                masks[key] = mask ^ bit

    def __len__(self) -> int:
        return len(self._minutes)
