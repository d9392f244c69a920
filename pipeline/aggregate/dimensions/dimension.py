"""What a dimension is."""

from dataclasses import dataclass
from typing import Final

from pipeline.aggregate.dimensions.parts import Part
from pipeline.domain.feeds import COURSE_AUDIT, FEEDS, LIVE_EVENTS, WEB_LOGS, Feed

OTHER: Final = "other"
"""Key into which rare keys of a minute are folded."""

WEB: Final = (WEB_LOGS,)
LIVE: Final = (LIVE_EVENTS,)
BOTH: Final = (WEB_LOGS, LIVE_EVENTS)
AUDIT: Final = (COURSE_AUDIT,)
SAYING: Final = (LIVE_EVENTS, COURSE_AUDIT)
"""Feeds whose rows say in their bodies what happened to courses."""
EVERY: Final = FEEDS


@dataclass(frozen=True, slots=True)
class Wide:
    """A dimension that most rows are in.

    ``key``: one text, or two that are joined with ``#``; of none, the key is empty. ``having``
    names the column that its rows have (None: all rows are in it); no part of a key is null.
    """

    name: str
    feeds: tuple[Feed, ...]
    key: tuple[Part, ...]
    having: str | None = None


@dataclass(frozen=True, slots=True)
class Narrow:
    """A dimension that few rows are in: those with certain traits (``traits``).

    A row must have one bit of ``traits`` and one of each in ``also``, and none of ``never``; a part
    of its key that is null takes it out. ``members`` names what is counted distinctly per key.
    ``sampled``: ids are kept of all its rows; else, as for wide dimensions, of errors and
    masqueraded ones.
    Rows without any trait cost nothing.
    """

    name: str
    feeds: tuple[Feed, ...]
    traits: int
    key: tuple[Part, ...]
    also: tuple[int, ...] = ()
    members: Part | None = None
    sampled: bool = True
    never: int = 0


Dimension = Wide | Narrow
