"""Which keys can have enough in a window at all: most are told apart before their window is read.

Minutes lie in stretches as long as a window, so every window lies in two of them. What is kept of
a stretch only grows until it is dropped: a key too many costs a look, none is ever missed.
"""

from collections.abc import Collection, Iterable, Sequence
from itertools import repeat
from typing import Any, Final, NamedTuple

from pipeline.domain.feeds import Feed

_NONE: Final = frozenset[str]()


class _Met(NamedTuple):
    """At most so many, among them the member ``one``; ``last``: the statement before."""

    most: int
    one: str | None
    last: tuple[int, Feed, int]


class WindowScreen:
    """The keys that may have counted ``least`` in a window.

    Counts of minutes are added up; what a later statement about the same minute repeats is counted
    once. Of distinct members so is the one that a key meets again and again, alone in its minute.
    """

    def __init__(self, width: int, least: int) -> None:
        self._width = width
        self._least = least
        self._met: dict[int, dict[str, _Met]] = {}
        self._wide: dict[int, set[str]] = {}

    def add(
        self,
        minute: int,
        feed: Feed,
        keys: Iterable[str],
        counts: Iterable[int],
        members: Iterable[Sequence[str]] = repeat(()),
    ) -> None:
        """Take keys of a minute with their counts; of distinct members, those that are listed."""
        stretch = minute // self._width
        own = self._met.setdefault(stretch, {})
        for key, count, listed in zip(keys, counts, members, strict=False):
            one = listed[0] if count == 1 and listed else None
            met = own.get(key)
            if met is None:
                own[key] = _Met(count, one, (minute, feed, count))
            elif one is not None and one == met.one:
                continue
            else:
                told_at, told_by, told = met.last
                more = count - told if told_at == minute and told_by == feed else count
                most = met.most + max(0, more)
                own[key] = _Met(most, met.one or one, (minute, feed, count))
            self._widen(stretch, key)

    def _widen(self, stretch: int, key: str) -> None:
        for later in (stretch, stretch + 1):
            if self._most(later, key) >= self._least:
                self._wide.setdefault(later, set()).add(key)

    def _most(self, stretch: int, key: str) -> int:
        """Return the most of any window that ends in a stretch."""
        own = self._met.get(stretch, {}).get(key)
        before = self._met.get(stretch - 1, {}).get(key)
        if own is None or before is None:
            return max((met.most for met in (own, before) if met is not None), default=0)
        same = own.one is not None and own.one == before.one
        return own.most + before.most - same

    def near(self, minute: int) -> Collection[str]:
        """Return the keys that may have counted enough in the window that ends with a minute."""
        return self._wide.get(minute // self._width, _NONE)

    def drop(self, before: int) -> None:
        """Forget stretches of which no window that ends at this minute or later has anything."""
        first = before // self._width - 1
        _drop(self._met, first)
        _drop(self._wide, first)


def _drop(stretches: dict[int, Any], first: int) -> None:
    for stretch in [stretch for stretch in stretches if stretch < first]:
        del stretches[stretch]
