"""What is learned per key, bounded: the key that was silent longest goes first."""

import heapq
from collections.abc import Iterator, Mapping
from typing import Generic, Protocol, TypeVar


class Dated(Protocol):
    """Something that knows the minute up to which it was learned."""

    @property
    def at(self) -> int:
        """That minute."""


class Seen(Protocol):
    """Something that knows the last minute in which its key had rows."""

    @property
    def seen(self) -> int:
        """That minute."""


Learned = TypeVar("Learned", bound=Dated)


def silent_longest(keys: Mapping[str, Seen], most: int) -> list[str]:
    """Return the keys beyond ``most``: those silent longest, among equals in the order of keys.

    Costs nothing below the bound, and a walk over all keys beyond it.
    """
    beyond = len(keys) - most
    return [] if beyond <= 0 else heapq.nsmallest(beyond, keys, key=lambda k: (keys[k].seen, k))


class BoundedKeys(Generic[Learned]):
    """A mapping in the order of learning; ``changed`` collects keys for the next snapshot."""

    def __init__(self, max_keys: int, forget_after_min: int) -> None:
        self._max_keys = max_keys
        self._forget_after = forget_after_min
        self._keys: dict[str, Learned] = {}
        self.changed: set[str] = set()

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def get(self, key: str) -> Learned | None:
        """Return what is known of a key."""
        return self._keys.get(key)

    def items(self) -> Mapping[str, Learned]:
        """Return everything, oldest first."""
        return self._keys

    def renew(self, key: str, learned: Learned) -> None:
        """Take what a key is now; it is the newest then."""
        self._keys.pop(key, None)
        self._keys[key] = learned
        self.changed.add(key)

    def evict(self, minute: int) -> None:
        """Forget keys that were silent for too long at a minute, and what is beyond the bound."""
        oldest = minute - self._forget_after
        while self._keys:
            key = next(iter(self._keys))
            if len(self._keys) <= self._max_keys and self._keys[key].at >= oldest:
                break
            del self._keys[key]
            self.changed.add(key)

    def restore(self, key: str, learned: Learned) -> None:
        """Take back a key; call ``resume`` once all are there."""
        self._keys[key] = learned

    def resume(self) -> None:
        """Put restored keys in the order in which they were learned."""
        self._keys = dict(sorted(self._keys.items(), key=lambda one: (one[1].at, one[0])))
