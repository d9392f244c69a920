"""Which of the few rows are in which narrow dimension, under which key, with which members."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pipeline.aggregate import narrow_kernels as kernels
from pipeline.aggregate.arrow_texts import I64, Bytes, Texts
from pipeline.aggregate.dimensions import Narrow
from pipeline.aggregate.dimensions.parts import Column, Flags, Part
from pipeline.aggregate.few_rows import FewRows, cut
from pipeline.aggregate.key_numbers import KeyNumbers

Spaced = tuple[int, Narrow]
"""A dimension and its space."""


class NarrowPlan(NamedTuple):
    """Narrow dimensions of a feed: those with the same key together, and which have members.

    ``lines`` are the dimensions' lines of ``narrow_kernels``, ``parts`` of their keys. Flags are by
    space: of those with such members, of those that are sampled.
    """

    dimensions: Sequence[Narrow]
    lines: I64
    parts: Sequence[Part]
    members: Sequence[tuple[Part, Flags]]
    sampled: Flags


class Reading:
    """What parts say of the few rows: each is read once, for all of them.

    A call costs more than reading some hundred texts; most parts are asked by several dimensions.
    """

    def __init__(self, few: FewRows) -> None:
        self.few = few
        self._columns: dict[Part, Column] = {}

    def column(self, part: Part) -> Column:
        """Return what a part says."""
        column = self._columns.get(part)
        if column is None:
            column = self._columns[part] = part.read(self.few)
        return column


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
    ordered = [each for spaced in by_key.values() for each in spaced]
    parts = list(dict.fromkeys(part for key in by_key for part in key))
    most = max(space for space, _ in dimensions) + 1
    return NarrowPlan(
        [one for _, one in ordered],
        _lines(ordered, parts),
        parts,
        [(part, _flags(spaces, most)) for part, spaces in members.items()],
        _flags([space for space, one in dimensions if one.sampled], most),
    )


def _lines(dimensions: Sequence[Spaced], parts: Sequence[Part]) -> I64:
    most = max(len(one.also) for _, one in dimensions)
    lines = np.full((len(dimensions), kernels.ALSO + most), kernels.ANY, np.int64)
    for line, (space, one) in zip(lines, dimensions, strict=True):
        line[kernels.SPACE], line[kernels.TRAITS], line[kernels.NEVER] = (
            space,
            one.traits,
            one.never,
        )
        line[[kernels.LEFT, kernels.RIGHT]] = kernels.NO_PART
        for side, part in zip((kernels.LEFT, kernels.RIGHT), one.key, strict=False):
            line[side] = parts.index(part)
        line[kernels.ALSO : kernels.ALSO + len(one.also)] = one.also
    return lines


def _flags(spaces: Sequence[int], most: int) -> Flags:
    flags = np.zeros(most, bool)
    flags[list(spaces)] = True
    return flags


def counting(plan: NarrowPlan, read: Reading, numbers: KeyNumbers) -> Counting | None:
    """Return which rows are in which dimension; None if none is in any."""
    few = read.few
    seen = int(np.bitwise_or.reduce(few.traits))
    # Most batches have no row at all for most dimensions.
    asked = [place for place, one in enumerate(plan.dimensions) if _may_have(one, seen)]
    if not asked:
        return None
    places, spaces, ends, keys = kernels.write_keys(
        few.traits, plan.lines[asked], *_parts(plan, asked, read)
    )
    if not len(places):
        return None
    return Counting(places, numbers.of_spaces(spaces, Texts(ends, keys)), spaces)


def _parts(plan: NarrowPlan, asked: Sequence[int], read: Reading) -> tuple[Flags, I64, Bytes]:
    """Return the parts that are asked, as the kernel takes them; the others are present nowhere."""
    wanted = {part for place in asked for part in plan.dimensions[place].key}
    rows = len(read.few.positions)
    present = np.zeros((len(plan.parts), rows), bool)
    offsets = np.zeros((len(plan.parts), rows + 1), np.int64)
    data, size = [np.zeros(0, np.uint8)], 0
    for number, part in enumerate(plan.parts):
        if part in wanted:
            texts, there = read.column(part)
            present[number] = True if there is None else there
            np.add(texts.offsets, size, out=offsets[number])
            data.append(texts.data)
            size += len(texts.data)
    return present, offsets, np.concatenate(data)


def members(plan: NarrowPlan, read: Reading, rows: Counting) -> Mapping[Part, tuple[I64, Texts]]:
    """Return by part which of the rows have a member, and those."""
    found = {}
    for part, has in plan.members:
        having = np.flatnonzero(has[rows.spaces])
        if len(having):
            texts, present = read.column(part)
            if present is not None:
                having = having[present[rows.places[having]]]
            found[part] = having, cut(texts, rows.places[having])
    return found


def _may_have(one: Narrow, seen: int) -> bool:
    """Say whether rows that have these traits between them may be in a dimension."""
    return bool(seen & one.traits) and all(seen & trait for trait in one.also)
