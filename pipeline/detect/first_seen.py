"""Detector: a key, a member of a key, or an hour of a key's day that was never or hardly seen.

How surprising something new is depends on how often something new comes: the chance is that of a
new one per active day, estimated from the share of days that brought one (the estimate of an
unseen species' chance from what was seen once; Good, Biometrika 40 (1953) 237), of the key itself
leaning on that of all keys. A token that meets a new network every day is not news; one that kept
to two for months is. Hours are smoothed over those beside them and compared with an even spread
over the day; a key's own hours lean on those of all other keys, which lean on the even spread: who
has little history is expected when his colleagues work.

What was reported once is known from then on, and its key has news more often; an hour is known
after some times. What is usual for other keys never learns from what was reported. The state says
since when the rule and each key are known; before ``learning_min`` nothing is reported.
Memory: about 800 bytes a key with three members (``python -m bench.detector_memory``).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.detect.bounded_keys import BoundedKeys
from pipeline.detect.cell_runs import CellColumn
from pipeline.detect.episodes import Episode, Peak
from pipeline.detect.evidence import chance
from pipeline.detect.local_time import local_minute
from pipeline.detect.rules.watching import DAY_MIN, FirstSeenRule
from pipeline.detect.scope import Flag, Phrase, Scope
from pipeline.detect.signals import Rows, Signals
from pipeline.detect.watch_words import between, where

BLOCK_MIN: Final = 15
HOURS: Final = 24

OWN_WEIGHT: Final = 2.0
"""Active days that the chance of all keys counts for."""

CROWD_DAYS: Final = 20.0
CROWD_NEWS: Final = 0.4
"""Days and news among them that the prior chance (2 %) counts for."""

MOST_DAYS: Final = 60.0
"""Active days behind a key's chance; older ones fade."""

HOUR_WEIGHT: Final = 2.0
"""Active hours of a key that the day of the other keys counts for."""

CROWD_HOURS: Final = 10.0
"""Active hours of the other keys that an even spread over the day counts for."""

MOST_HOURS: Final = 50_000.0
"""Active hours behind the day of all keys; older ones fade."""

NEAR_HOURS: Final = 3
"""Hours on either side that an hour is smoothed over, the nearer ones more: who works until five
and stays until seven once is no news."""

_NEARNESS: Final = [NEAR_HOURS + 1 - abs(away) for away in range(-NEAR_HOURS, NEAR_HOURS + 1)]
_SHARES: Final = [near / sum(_NEARNESS) for near in _NEARNESS]
_OWN_SHARE: Final = _SHARES[NEAR_HOURS]

REPORTS: Final = 5
"""Days on which an hour is reported until it is usual: one night of a thief makes the next no more
usual, and who changed his hours is told no more after a week."""


class Seen(NamedTuple):
    """A minute of a key; ``amount`` of the rule's measure."""

    amount: int
    members: tuple[str, ...]


@dataclass(slots=True)
class Known:
    """What is known of a key since the minute ``first``; members by the minute last seen."""

    first: int
    at: int
    days: float = 0.0
    news: float = 0.0
    day: int = -1
    news_day: int = -1
    hour: int = -1
    members: dict[str, int] = field(default_factory=dict)
    hours: list[float] = field(default_factory=list)


class FirstSeen(Scope[Seen]):
    """One first-seen rule."""

    rule: FirstSeenRule

    def __init__(self, rule: FirstSeenRule) -> None:
        super().__init__(rule)
        p = rule.parameters
        self.block = BLOCK_MIN
        self._keys: BoundedKeys[Known] = BoundedKeys(p.max_keys, p.forget_after_min)
        self._since: int | None = None
        self._crowd = Known(0, 0)

    def read(self, signals: Signals, rows: Rows) -> tuple[CellColumn[Seen], npt.NDArray[np.bool_]]:
        """Return what every row shows; any may be new."""
        counts = signals.counts(rows, self.rule.measure)
        lists = None if self.rule.novelty == "hour" else signals.lists(rows, "members")
        return CellColumn(_seen, counts, lists=lists), counts >= self.rule.parameters.min_count

    def load_cell(self, cell: Any) -> Seen:
        """Return a cell that JSON has carried."""
        return Seen(cell[0], tuple(cell[1]))

    # -- judgement

    def may_stand_out(self, minute: int) -> bool:
        """Return whether the rule does not only learn."""
        return not self._is_learning(minute)

    def candidates(self, minute: int) -> Iterable[str]:
        """Return the keys to judge at a minute: none while the rule only learns."""
        return super().candidates(minute) if self.may_stand_out(minute) else ()

    def _is_learning(self, minute: int) -> bool:
        return self._since is None or minute - self._since < self.rule.parameters.learning_min

    def judge(self, minute: int, key: str) -> Flag | None:
        """Return what is new in a minute; None if nothing is."""
        p = self.rule.parameters
        if self._is_learning(minute):
            return None
        count = self.amount(minute, key)
        if count < p.min_count:
            return None
        known = self._keys.get(key)
        if self.rule.novelty == "key":
            if known is not None or not self._is_news(minute, key, None):
                return None
            likely, news = 1 - math.exp(-self._chance(None)), 1
        elif known is None or minute - known.first < p.known_min:
            return None
        elif self.rule.novelty == "member":
            likely, news = self._chance(known), len(self._new_members(minute, key))
        else:
            likely, news = self._hour_chance(known, minute), 1
        if not news or likely > p.max_probability:
            return None
        kind = f"new {self.rule.novelty}"
        peak = Peak(minute, self.width, kind, news, likely, 1, likely, weight=news)
        return Flag(key, minute, minute, peak)

    def _chance(self, known: Known | None) -> float:
        """Return the chance of news on an active day of a key, or of a new key on a day."""
        usual = (self._crowd.news + CROWD_NEWS) / (self._crowd.days + CROWD_DAYS)
        if known is None:
            return usual
        return (known.news + OWN_WEIGHT * usual) / (known.days + OWN_WEIGHT)

    def _hour_chance(self, known: Known, minute: int) -> float:
        """Return how active a key is at this hour, against an even spread over the day."""
        hour = self._hour(minute) % HOURS
        own = known.hours or _NO_HOURS
        crowd = self._crowd.hours or _NO_HOURS
        others = [max(0.0, all_ - mine) for all_, mine in zip(crowd, own, strict=True)]
        # A program that works every night makes the night no more usual for people.
        usual = min(1.0, _share_of(others, hour, CROWD_HOURS, 1.0))
        return _share_of(own, hour, HOUR_WEIGHT, usual)

    def _hour(self, minute: int) -> int:
        """Return the hour since the epoch that the clocks of the rule's zone show."""
        return local_minute(minute, self.rule.zone) // 60

    def _new_members(self, minute: int, key: str) -> list[str]:
        known = self._keys.get(key)
        old = known.members if known else {}
        by_feed = self.cells.of((minute,), key).values()
        new = {m for cells in by_feed for _, cell in cells for m in cell.members} - {*old}
        return sorted(member for member in new if self._is_news(minute, key, member))

    def _is_news(self, minute: int, key: str, member: str | None) -> bool:
        """Return whether what is not learned yet was not seen long before this minute either."""
        if self._learned is None:
            return True
        before = self.cells.of(range(self._learned, minute - BLOCK_MIN + 1), key)
        return not any(
            member is None or member in cell.members
            for cells in before.values()
            for _, cell in cells
        )

    # -- learning

    def begin_final(self, minute: int) -> None:
        """Make this the newest final minute; the first of all is when the rule begins to know."""
        if self._since is None:
            self._since = minute
            self._judged.clear()
        super().begin_final(minute)

    def learn(self, start: int, *, alive: bool, left_out: frozenset[str]) -> None:
        """Learn a block of final minutes; ``left_out`` was reported, and is known from now on."""
        if not alive:
            return
        minutes = range(start, start + self.block)
        if self.rule.novelty == "key":
            self._pass_day(self._crowd, start // DAY_MIN)
        for key, by_feed in sorted(self.cells.gathered(minutes).items()):
            cells = [cell for of in by_feed.values() for cell in of]
            self._learn_key(key, start, cells, reported=key in left_out)
        self._keys.evict(start + self.block)
        self.dirty |= self._keys.changed
        self._keys.changed.clear()

    def _learn_key(
        self, key: str, start: int, cells: Iterable[tuple[int, Seen]], *, reported: bool
    ) -> None:
        known, day = self._keys.get(key), start // DAY_MIN
        first_day = self._since is not None and self._since // DAY_MIN == day
        if known is None:
            known = Known(start, start)
            if self.rule.novelty == "key" and not reported and not first_day:
                self._crowd.news += 1
        known.at = start + self.block
        if self.rule.novelty == "member":
            self._learn_members(known, day, cells, reported=reported)
        elif self.rule.novelty == "hour" and known.hour != self._hour(start):
            known.hour = self._hour(start)
            _add_hour(known, known.hour, MOST_DAYS * HOURS, self._weight(known, reported=reported))
            if not reported:
                _add_hour(self._crowd, known.hour, MOST_HOURS)
        self._keys.renew(key, known)

    def _weight(self, known: Known, *, reported: bool) -> float:
        """Return what an active hour counts for: reported ones add up to what is usual."""
        if not reported:
            return 1.0
        usual = self.rule.parameters.max_probability * sum(known.hours) / (HOURS * _OWN_SHARE)
        return min(1.0, usual / REPORTS)

    def _learn_members(
        self, known: Known, day: int, cells: Iterable[tuple[int, Seen]], *, reported: bool
    ) -> None:
        p = self.rule.parameters
        seen = {member for _, cell in cells for member in cell.members}
        new = seen - known.members.keys()
        for member in sorted(seen):
            known.members.pop(member, None)
            known.members[member] = known.at
        while len(known.members) > p.max_members or (
            known.members and next(iter(known.members.values())) < known.at - p.forget_after_min
        ):
            del known.members[next(iter(known.members))]
        # On its first day everything of a key is new, which tells nothing.
        if day == known.first // DAY_MIN:
            return
        if known.day != day:
            self._pass_day(known, day)
            self._crowd.days += 1
        if new and known.news_day != day:
            known.news_day = day
            known.news += 1
            self._crowd.news += not reported

    @staticmethod
    def _pass_day(known: Known, day: int) -> None:
        if known.day != day:
            known.day = day
            known.days += 1
            if known.days > MOST_DAYS:
                known.days, known.news = known.days / 2, known.news / 2

    # -- words

    def amount(self, minute: int, key: str) -> int:
        """Return the count of a key in a minute."""
        by_feed = self.cells.of((minute,), key).values()
        return max((sum(cell.amount for _, cell in cells) for cells in by_feed), default=0)

    def tell(self, episode: Episode, minute: int, key: str) -> None:
        """Add what is new in a minute to an episode."""
        super().tell(episode, minute, key)
        for member in self._new_members(minute, key):
            episode.part(member, 1)

    def since(self, key: str) -> int | None:
        """Return the minute from which a key, or the rule, is known."""
        known = self._keys.get(key)
        return self._since if known is None else known.first

    def phrase(self, episode: Episode) -> Phrase:
        """Return an episode in words."""
        what = {
            "key": f"{where(episode)} was never seen before",
            "member": f"{where(episode)} came with {len(episode.parts):,} not seen with it before",
            "hour": f"{where(episode)} was active at an hour at which it hardly ever is",
        }[self.rule.novelty]
        total = episode.totals.get("count", 0)
        return Phrase(
            where(episode),
            f"{what}, {between(episode)} ({total:,.0f} counted; chance of something new, or of "
            f"this hour against an average one: {chance(episode.peak.probability)}).",
        )

    # -- snapshot and restore

    def learned_keys(self) -> Iterable[str]:
        """Return the keys that have a baseline."""
        return self._keys

    def dump_key(self, key: str) -> Any:
        """Return what is known of a key as a JSON value; None: forgotten."""
        known = self._keys.get(key)
        return None if known is None else _values(known)

    def load_key(self, key: str, state: Any) -> None:
        """Take back what ``dump_key`` gave."""
        self._keys.restore(key, Known(*state))

    def dump_more(self) -> dict[str, Any]:
        """Return what is kept for all keys together."""
        return {"since": self._since, "crowd": _values(self._crowd)}

    def load_more(self, state: dict[str, Any]) -> None:
        """Take back what ``dump_more`` gave."""
        self._since, self._crowd = state["since"], Known(*state["crowd"])

    def resume(self, final: int) -> None:
        """Take the boundary of final minutes that was in force when states were written."""
        super().resume(final)
        self._keys.resume()


_NO_HOURS: Final = (0.0,) * HOURS


def _add_hour(known: Known, hour: int, most: float, weight: float = 1.0) -> None:
    known.hours = known.hours or [*_NO_HOURS]
    known.hours[hour % HOURS] += weight
    if sum(known.hours) > most:
        known.hours = [one / 2 for one in known.hours]


def _share_of(hours: Sequence[float], hour: int, weight: float, usual: float) -> float:
    """Return how active one is at an hour, against an average one; `usual` counts for `weight`."""
    around = (hours[(hour + away) % HOURS] for away in range(-NEAR_HOURS, NEAR_HOURS + 1))
    here = sum(share * active for share, active in zip(_SHARES, around, strict=True))
    return (here * HOURS + weight * usual) / (sum(hours) + weight)


def _seen(amounts: list[int], members: list[tuple[str, ...]] | None = None) -> list[Seen]:
    if members is None:
        return [Seen(amount, ()) for amount in amounts]
    return list(map(Seen, amounts, members))


def _values(known: Known) -> list[Any]:
    sums = [known.first, known.at, known.days, known.news, known.day, known.news_day, known.hour]
    return [*sums, known.members, known.hours]
