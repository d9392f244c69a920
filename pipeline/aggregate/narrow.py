"""Which of the few rows are in which narrow dimension, under which key, with which members."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.aggregate.arrow_texts import I64, Texts
from pipeline.aggregate.dimensions import Narrow
from pipeline.aggregate.dimensions.parts import Flags, Part
from pipeline.aggregate.few_rows import FewRows, cut
from pipeline.aggregate.key_numbers import KeyNumbers

Spaced = tuple[int, Narrow]
"""A dimension and its space."""


class NarrowPlan(NamedTuple):
    """Narrow dimensions of a feed: those with the same key together, and which have members.

    Reading a part costs the same few microseconds for one dimension or for five. Flags are by
    space: of those with such members, of those that are sampled.
    """

    by_key: Sequence[tuple[tuple[Part, ...], Sequence[Spaced]]]
    members: Sequence[tuple[Part, Flags]]
    sampled: Flags


class Counting(NamedTuple):
    """Rows to count: places among the few rows, numbers of their keys, spaces."""

    places: I64
    keys: I64
    spaces: I64


def narrow_plan(dimensions: Sequence[Spaced]) -> NarrowPlan:
    """Arrange dimensions by what is read for them."""
    by_key: dict[tuple[Part, ...], list[Spaced]] = {}
    members: dict[Part, list[int]] = {}
    for space, one in dimensions:
        by_key.setdefault(one.key, []).append((space, one))
        if one.members is not None:
            members.setdefault(one.members, []).append(space)
    most = max(space for space, _ in dimensions) + 1
    return NarrowPlan(
        list(by_key.items()),
        [(part, _flags(spaces, most)) for part, spaces in members.items()],
        _flags([space for space, one in dimensions if one.sampled], most),
    )


def _flags(spaces: Sequence[int], most: int) -> Flags:
    flags = np.zeros(most, bool)
    flags[list(spaces)] = True
    return flags


def counting(plan: NarrowPlan, few: FewRows, numbers: KeyNumbers) -> Counting | None:
    """Return which rows are in which dimension; None if none is in any."""
    seen = int(np.bitwise_or.reduce(few.traits))
    some = []
    for key, dimensions in plan.by_key:
        # Most batches have no row at all for most dimensions.
        asked = [(space, one) for space, one in dimensions if _may_have(one, seen)]
        found = _of_one_key(few, key, asked, numbers) if asked else None
        if found is not None:
            some.append(found)
    if not some:
        return None
    return Counting(*(np.concatenate(each) for each in zip(*some, strict=True)))


def members(plan: NarrowPlan, few: FewRows, rows: Counting) -> Mapping[Part, tuple[I64, Texts]]:
    """Return by part which of the rows have a member, and those."""
    found = {}
    for part, has in plan.members:
        having = np.flatnonzero(has[rows.spaces])
        if len(having):
            texts, present = part.read(few.at(rows.places[having]))
            if present is not None:
                having, texts = having[present], cut(texts, np.flatnonzero(present))
            found[part] = having, texts
    return found


def _may_have(one: Narrow, seen: int) -> bool:
    """Say whether rows that have these traits between them may be in a dimension."""
    return bool(seen & one.traits) and all(seen & trait for trait in one.also)


def _of_one_key(
    few: FewRows, key: tuple[Part, ...], dimensions: Sequence[Spaced], numbers: KeyNumbers
) -> Counting | None:
    found = [(space, at) for space, one in dimensions if len(at := few.places(one))]
    if not found:
        return None
    places = np.concatenate([at for _, at in found])
    spaces = np.repeat([space for space, _ in found], [len(at) for _, at in found])
    texts, having = few.at(places).key(key)
    if having is not None:
        places, spaces = places[having], spaces[having]
    return Counting(places, numbers.of_texts(spaces, texts, len(places)), spaces)
