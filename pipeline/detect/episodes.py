"""Flagged minutes of one rule and key, merged into episodes.

An episode ends after a number of quiet minutes (hysteresis), so that an attack with holes is one
story. Ended episodes are remembered for as long again: an alert on a part and one on the whole
may only be told apart when both are over.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, NamedTuple

MAX_PARTS: Final = 1000
"""Contributors or targets that an episode counts; what comes later is left out."""

MAX_SAMPLES: Final = 5

Subject = tuple[str, str]
"""Rule id and key."""


class Peak(NamedTuple):
    """The strongest window of an episode: what was counted in it, and against what.

    ``probability``: of so much by accident; None: the detector has no model of accidents.
    """

    minute: int
    window_min: int
    kind: str
    observed: float
    expected: float
    threshold: float
    probability: float | None
    weight: float


@dataclass(slots=True)
class Episode:
    """One story; minutes are whole minutes since the epoch.

    ``first`` is the first minute of evidence, ``opened`` and ``last`` the first and the last
    flagged one, ``counted`` the minute up to which totals and parts are added up.
    """

    rule: str
    key: str
    first: int
    opened: int
    last: int
    peak: Peak
    flagged: int = 0
    counted: int = -1
    excess: float = 0.0
    ended: bool = False
    totals: dict[str, float] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=dict)
    feeds: list[str] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)
    session_ids: list[str] = field(default_factory=list)

    def total(self, name: str, amount: float) -> None:
        """Add to a total."""
        self.totals[name] = self.totals.get(name, 0) + amount

    def part(self, name: str, amount: int) -> None:
        """Add to a contributor's count."""
        if name in self.parts or len(self.parts) < MAX_PARTS:
            self.parts[name] = self.parts.get(name, 0) + amount

    def sample(self, request_ids: list[str], session_ids: list[str]) -> None:
        """Keep the first few request and session ids."""
        for kept, new in ((self.request_ids, request_ids), (self.session_ids, session_ids)):
            for one in new:
                if len(kept) < MAX_SAMPLES and one not in kept:
                    kept.append(one)

    def seen_in(self, feed: str) -> None:
        """Note a feed that shows it."""
        if feed not in self.feeds:
            self.feeds = sorted([*self.feeds, feed])

    def top_parts(self, count: int) -> list[tuple[str, int]]:
        """Return the parts with the largest counts, largest first."""
        return sorted(self.parts.items(), key=lambda part: (-part[1], part[0]))[:count]

    def to_json(self) -> dict[str, Any]:
        """Return values that JSON can hold."""
        return asdict(self) | {"peak": list(self.peak)}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> "Episode":
        """Return the episode that ``to_json`` described."""
        return cls(**(state | {"peak": Peak(*state["peak"])}))

    def copy(self) -> "Episode":
        """Return an independent copy."""
        return replace(
            self,
            totals=dict(self.totals),
            parts=dict(self.parts),
            feeds=list(self.feeds),
            request_ids=list(self.request_ids),
            session_ids=list(self.session_ids),
        )


class EpisodeBook:
    """Episodes of one detector that may still change or that others are compared with."""

    def __init__(self, quiet_min: int) -> None:
        self._quiet = quiet_min
        self._episodes: dict[Subject, list[Episode]] = {}
        self.changed: set[Subject] = set()

    def __iter__(self) -> Iterator[Episode]:
        """Walk all episodes, oldest first."""
        everything = (one for ones in self._episodes.values() for one in ones)
        return iter(sorted(everything, key=lambda one: (one.first, one.rule, one.key)))

    def __bool__(self) -> bool:
        return bool(self._episodes)

    def copy(self) -> "EpisodeBook":
        """Return an independent book: the provisional view goes on from the final one."""
        book = EpisodeBook(self._quiet)
        book._episodes = {
            subject: [one.copy() for one in ones] for subject, ones in self._episodes.items()
        }
        return book

    def open(self, rule: str, key: str) -> Episode | None:
        """Return the running episode of a rule and key."""
        ones = self._episodes.get((rule, key))
        return ones[-1] if ones and not ones[-1].ended else None

    def flag(self, rule: str, key: str, minute: int, first: int, peak: Peak) -> Episode:
        """Take a flagged minute: go on with the running episode or begin one.

        Minutes come in order, and ``settle`` was called for this one before.
        """
        episode = self.open(rule, key)
        if episode is None:
            episode = Episode(rule, key, first, minute, minute, peak, counted=first - 1)
            self._episodes.setdefault((rule, key), []).append(episode)
        episode.last = minute
        episode.flagged += 1
        if peak.weight > episode.peak.weight:
            episode.peak = peak
        self.changed.add((rule, key))
        return episode

    def settle(self, minute: int) -> list[Episode]:
        """End what has been quiet long enough before this minute; return what just ended."""
        ended = []
        for subject in list(self._episodes):
            ones = self._episodes[subject]
            kept = [one for one in ones if not one.ended or self._forget_at(one) > minute]
            if len(kept) != len(ones):
                self.changed.add(subject)
            for one in kept:
                if not one.ended and self.end_of(one) <= minute:
                    one.ended = True
                    ended.append(one)
                    self.changed.add(subject)
            if kept:
                self._episodes[subject] = kept
            else:
                del self._episodes[subject]
        return sorted(ended, key=lambda one: (one.last, one.rule, one.key))

    def end_of(self, episode: Episode) -> int:
        """Return the minute from which an episode is over unless it is flagged again."""
        return episode.last + 1 + self._quiet

    def neighbours(self, episode: Episode) -> list[Episode]:
        """Return other episodes that were flagged within the quiet time around its last minute.

        What ended earlier may be forgotten by now or not, so it does not count either way.
        """
        return [
            other
            for other in self
            if other is not episode
            and other.first <= episode.last + self._quiet
            and other.last >= episode.last - self._quiet
        ]

    def touch(self) -> None:
        """Count every episode as changed."""
        self.changed.update(self._episodes)

    def dump(self, subject: Subject) -> list[dict[str, Any]]:
        """Return the episodes of a rule and key as JSON values."""
        return [one.to_json() for one in self._episodes.get(subject, [])]

    def load(self, rule: str, key: str, episodes: list[dict[str, Any]]) -> None:
        """Take back what ``dump`` gave."""
        self._episodes[(rule, key)] = [Episode.from_json(one) for one in episodes]

    def _forget_at(self, episode: Episode) -> int:
        return episode.last + 2 + 2 * self._quiet
