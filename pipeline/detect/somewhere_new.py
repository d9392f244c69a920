"""Detector: steps in order, the last of them by somebody at a place that is new to him.

As ``sequence``, for rules with ``new_in``: a dimension whose keys are the members of the last step
(accounts that get in at an address) and whose members are where they were (networks). A minute is
told if one of these comes with something there that was never seen with it before, and is known
well enough for that to mean anything. What is learned, from final minutes, is where each was; of
what was reported nothing, so that the same again is as new as the first time.
Memory: 670 bytes for somebody with three places (``python -m bench.detector_memory``).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from pipeline.detect.bounded_keys import BoundedKeys
from pipeline.detect.cell_runs import MOST_WAITING, Put
from pipeline.detect.episodes import Episode
from pipeline.detect.pair_runs import Paired, PairRun, pair_names
from pipeline.detect.rules.watching import NewIn, SequenceRule
from pipeline.detect.scope import Flag, Phrase
from pipeline.detect.sequence import StepSequence
from pipeline.detect.signals import Signals

WHO: Final = "\x01"
PLACE: Final = "\x02"
"""Begin the names under which pairs are kept: ``\\x01`` key ``\\x01`` who of the last step, and
``\\x02`` who ``\\x02`` place of where they were."""

MOST_PLACES: Final = 64
"""Places that are remembered of somebody; the one that was not seen longest goes first."""


@dataclass(slots=True)
class Known:
    """Where somebody was since the minute ``first``, by when last; ``spells``: windows of it."""

    first: int
    at: int
    spells: int = 0
    places: dict[str, int] = field(default_factory=dict)


class SomewhereNew(StepSequence):
    """One sequence rule with ``new_in``."""

    def __init__(self, rule: SequenceRule, new_in: NewIn) -> None:
        super().__init__(rule)
        p = rule.parameters
        self._new_in = new_in
        self._known: BoundedKeys[Known] = BoundedKeys(p.max_keys, p.forget_after_min)
        self._paired: dict[int, Paired] = {}
        self._waiting: dict[int, list[PairRun]] = {}
        self._oldest: int | None = None

    def _take(self, signals: Signals, put: Put[int]) -> None:
        super()._take(signals, put)
        for kind, dimension in ((WHO, self.rule.dimension), (PLACE, self._new_in.dimension)):
            rows = signals.rows(self.rule, dimension, self.feeds)
            members = signals.lists(rows, "members")
            for run in signals.runs(rows, self.feeds):
                if run.minute < self.final:
                    continue
                pairs = PairRun(kind, rows.keys, members, run.first, run.last)
                put(run.minute, run.feed, pairs)
                waiting = self._waiting.setdefault(run.minute, [])
                waiting.append(pairs)
                if len(waiting) > MOST_WAITING:
                    self._paired_at(run.minute)

    def _paired_at(self, minute: int) -> Paired:
        """Return what is paired in a minute."""
        paired = self._paired.setdefault(minute, {})
        for pairs in self._waiting.pop(minute, ()):
            pairs.pair(paired)
        return paired

    def load_minute(self, minute: int, state: dict[str, Any]) -> None:
        """Take back what ``take_minutes`` gave."""
        super().load_minute(minute, state)
        pair_names(self.cells.keys(minute), (WHO, PLACE), self._paired_at(minute))

    def begin_final(self, minute: int) -> None:
        """Make this the newest final minute; of it only what is final counts."""
        super().begin_final(minute)
        self._waiting.pop(minute, None)
        self._paired[minute] = {}
        pair_names(self.cells.keys(minute), (WHO, PLACE), self._paired[minute])

    def end_final(self, through: int) -> None:
        """Learn what is due and forget what no judgement asks for any more."""
        super().end_final(through)
        self._paired = {at: of for at, of in self._paired.items() if self.cells.has(at)}
        self._waiting = {at: of for at, of in self._waiting.items() if self.cells.has(at)}

    def may_stand_out(self, minute: int) -> bool:
        """Return whether any key may have passed all steps, and anybody is known long enough."""
        if self._oldest is None or minute - self._oldest < self._new_in.known_min:
            return False
        return super().may_stand_out(minute)

    def judge(self, minute: int, key: str) -> Flag | None:
        """Return a minute that ends a sequence somewhere new; None if it does not."""
        # Newcomers are few and looked up, a window is walked.
        return super().judge(minute, key) if self._newcomers(minute, key) else None

    def _newcomers(self, minute: int, key: str) -> list[str]:
        """Return who passed the last step in a minute and was somewhere new then."""
        paired = self._paired_at(minute).get((WHO, key), ())
        return sorted(who for who in paired if self._is_new(minute, who))

    def _is_new(self, minute: int, who: str) -> bool:
        known = self._known.get(who)
        if known is None or known.spells < self._new_in.min_spells:
            return False
        if minute - known.first < self._new_in.known_min:
            return False
        new = self._paired_at(minute).get((PLACE, who), set()) - known.places.keys()
        return any(not self._was_at(minute, PLACE + who + PLACE + place) for place in new)

    def _was_at(self, minute: int, name: str) -> bool:
        """Return whether somebody was at a place before, in minutes that are not learned yet."""
        since = minute if self._learned is None else self._learned
        return bool(self.cells.of(range(since, minute + 1 - self.width), name))

    def learn(self, start: int, *, alive: bool, left_out: frozenset[str]) -> None:
        """Learn where everybody was in a block of final minutes; not of those who were reported."""
        del alive
        end = start + self.block
        places: dict[str, set[str]] = {}
        reported: set[str] = set()
        for minute in range(start, end):
            for (kind, key), others in self._paired_at(minute).items():
                if kind == PLACE:
                    places.setdefault(key, set()).update(others)
                elif key in left_out:
                    reported |= others
        for who in sorted(places.keys() - reported):
            self._learn(who, start, places[who])
        self._known.evict(end)
        self.dirty |= self._known.changed
        self._known.changed.clear()

    def _learn(self, who: str, start: int, places: set[str]) -> None:
        known = self._known.get(who) or Known(start, start)
        known.at = start + self.block
        known.spells += 1
        for place in sorted(places):
            known.places.pop(place, None)
            known.places[place] = known.at
        oldest = known.at - self.rule.parameters.forget_after_min
        while len(known.places) > MOST_PLACES or next(iter(known.places.values())) < oldest:
            del known.places[next(iter(known.places))]
        self._known.renew(who, known)
        self._age(known)

    def _age(self, known: Known) -> None:
        """Note when the first of all that were ever known was: nobody is known for longer."""
        self._oldest = known.first if self._oldest is None else min(self._oldest, known.first)

    def tell(self, episode: Episode, minute: int, key: str) -> None:
        """Add who was somewhere new in a minute to an episode."""
        super().tell(episode, minute, key)
        for who in self._newcomers(minute, key):
            episode.part(who, 1)

    def phrase(self, episode: Episode) -> Phrase:
        """Return an episode in words."""
        told = super().phrase(episode)
        who = ", ".join(sorted(episode.parts))
        new = f" Never seen there before ({self._new_in.dimension}): {who}."
        return told._replace(explanation=told.explanation + new)

    # -- snapshot and restore

    def learned_keys(self) -> Iterable[str]:
        """Return those of whom it is known where they were."""
        return self._known

    def dump_key(self, key: str) -> Any:
        """Return what is known of somebody as a JSON value; None: forgotten."""
        known = self._known.get(key)
        return None if known is None else [known.first, known.at, known.spells, known.places]

    def load_key(self, key: str, state: Any) -> None:
        """Take back what ``dump_key`` gave."""
        known = Known(*state)
        self._known.restore(key, known)
        self._age(known)

    def resume(self, final: int) -> None:
        """Take the boundary of final minutes that was in force when states were written."""
        super().resume(final)
        self._known.resume()
