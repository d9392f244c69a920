"""Pairs of keys and their members as cells: names of both, each counted once."""

from collections.abc import Iterable, Sequence

from pipeline.detect.texts import Keys, TextLists

Paired = dict[tuple[str, str], set[str]]
"""Kind and key, and what is paired with them."""


class PairRun:
    """Keys of rows ``first`` to ``last`` (not included) with each of their members.

    The name of a pair is the kind (one character), the key, the kind and the member. Names are made
    when they are asked for: most minutes are restated before anybody does.
    """

    __slots__ = ("_first", "_keys", "_kind", "_last", "_members")

    def __init__(self, kind: str, keys: Keys, members: TextLists, first: int, last: int) -> None:
        self._kind, self._keys, self._members = kind, keys, members
        self._first, self._last = first, last

    def __len__(self) -> int:
        return self._members.count(self._first, self._last)

    def _rows(self) -> Iterable[tuple[str, tuple[str, ...]]]:
        first, last = self._first, self._last
        return zip(self._keys.some(first, last), self._members.some(first, last), strict=True)

    def keys(self) -> Sequence[str]:
        """Return the names."""
        kind = self._kind
        return [kind + key + kind + one for key, members in self._rows() for one in members]

    def pairs(self) -> Iterable[tuple[str, int]]:
        """Return the names, each with a count of 1."""
        return dict.fromkeys(self.keys(), 1).items()

    def pair(self, paired: Paired) -> None:
        """Add the pairs to what is paired."""
        for key, members in self._rows():
            paired.setdefault((self._kind, key), set()).update(members)


def pair_names(names: Iterable[str], kinds: tuple[str, ...], paired: Paired) -> None:
    """Add the pairs of those names that are of such kinds."""
    for name in names:
        if name.startswith(kinds):
            _, key, other = name.split(name[0], 2)
            paired.setdefault((name[0], key), set()).add(other)
