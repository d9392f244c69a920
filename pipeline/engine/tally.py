"""Where rows went, per feed: the numbers of the conservation law (semantics rule 23)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from operator import attrgetter
from typing import Final

from pipeline.domain.feeds import Feed


@dataclass(slots=True)
class Tally:
    """Rows of one feed since the topics were created.

    consumed = in_sessions + without_session + late + duplicates + dead, always. ``misdated`` are
    those of the late ones whose reason is ``time`` (rule 19).
    """

    consumed: int = 0
    in_sessions: int = 0
    without_session: int = 0
    late: int = 0
    duplicates: int = 0
    dead: int = 0
    misdated: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        """Return both together."""
        pairs = zip(asdict(self).values(), asdict(other).values(), strict=True)
        return Tally(*(mine + theirs for mine, theirs in pairs))

    def balanced(self) -> bool:
        """Return whether no row is missing and none is counted twice."""
        return self.consumed == (
            self.in_sessions + self.without_session + self.late + self.duplicates + self.dead
        )


_NUMBERS: Final = attrgetter(*(field.name for field in fields(Tally)))


def to_json(tallies: Mapping[Feed, Tally]) -> dict[str, list[int]]:
    """Return tallies as the short lists that fit into commit metadata."""
    return {feed: list(_NUMBERS(tally)) for feed, tally in tallies.items()}


def from_json(state: Mapping[str, list[int]]) -> dict[str, Tally]:
    """Return the tallies of ``to_json``."""
    return {feed: Tally(*numbers) for feed, numbers in state.items()}
