"""What is asked of the batches of a feed, worked out once from its dimensions."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.aggregate.dimensions import Dimension, Narrow, Wide
from pipeline.aggregate.keyed_rows import KeyPlan
from pipeline.domain.feeds import Feed

IDS: Final = ("request_id", "session_id")
"""Columns of which samples are kept."""

Spaces = Sequence[tuple[Feed, Dimension]]
"""Every dimension of every feed; its place is the number of its space."""


class WidePlan(NamedTuple):
    """A dimension of all rows, or of those that have a column (``having``).

    ``keys`` says what their keys are; None: empty.
    """

    space: int
    having: str | None
    keys: KeyPlan | None


class Plan(NamedTuple):
    """What is asked of the batches of one feed.

    ``whole``: wide dimensions of all rows, ``some``: of rows that have a column. Rows with a trait
    of ``gate`` are looked at for ``narrow`` ones.
    """

    whole: list[WidePlan]
    some: list[WidePlan]
    narrow: KeyPlan | None
    gate: int


def plan_of(feed: Feed, spaces: Spaces) -> Plan:
    """Return the plan for a feed."""
    own = [(space, one) for space, (fed, one) in enumerate(spaces) if fed == feed]
    wide = [(space, one) for space, one in own if isinstance(one, Wide)]
    narrow = [(space, one) for space, one in own if isinstance(one, Narrow)]
    whole = [_wide(space, one) for space, one in wide if one.having is None]
    some = [_wide(space, one) for space, one in wide if one.having is not None]
    gate = 0
    for _, one in narrow:
        gate |= one.traits
    return Plan(whole, some, KeyPlan(narrow) if narrow else None, gate)


def _wide(space: int, one: Wide) -> WidePlan:
    return WidePlan(space, one.having, KeyPlan([(space, one)]) if one.key else None)
