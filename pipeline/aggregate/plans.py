"""What is asked of the batches of a feed, worked out once from its dimensions."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from pipeline.aggregate.dimensions import CONTROLLER_ACTION, Dimension, Narrow, Wide
from pipeline.aggregate.narrow import NarrowPlan, narrow_plan
from pipeline.domain.feeds import Feed

IDS: Final = ("request_id", "session_id")
"""Columns of which samples are kept."""

Spaces = Sequence[tuple[Feed, Dimension]]
"""Every dimension of every feed; its place is the number of its space."""


class Plan(NamedTuple):
    """What is asked of the batches of one feed; dimensions come with their spaces.

    ``whole``: wide dimensions of all rows, ``some``: of rows that have a column. Rows with a trait
    of ``gate`` are looked at for ``narrow`` ones.
    ``actions``: the space whose keys say what a row is about.
    """

    whole: list[tuple[int, Wide]]
    some: list[tuple[int, Wide]]
    narrow: NarrowPlan | None
    gate: int
    actions: int | None


def plan_of(feed: Feed, spaces: Spaces) -> Plan:
    """Return the plan for a feed."""
    own = [(space, one) for space, (fed, one) in enumerate(spaces) if fed == feed]
    wide = [(space, one) for space, one in own if isinstance(one, Wide)]
    narrow = [(space, one) for space, one in own if isinstance(one, Narrow)]
    whole = [(space, one) for space, one in wide if one.having is None]
    some = [(space, one) for space, one in wide if one.having is not None]
    gate = 0
    for _, one in narrow:
        gate |= one.traits
    actions = [space for space, one in whole if one is CONTROLLER_ACTION]
    return Plan(
        whole,
        some,
        narrow_plan(narrow) if narrow else None,
        gate,
        actions[0] if actions else None,
    )
