"""Which of some rows are in which dimension, under which key, with which members."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pipeline.aggregate import keyed_kernels as kernels
from pipeline.aggregate.arrow_texts import I64, Texts
from pipeline.aggregate.dimensions import Dimension, Narrow
from pipeline.aggregate.dimensions.parts import Part
from pipeline.aggregate.few_rows import FewRows
from pipeline.aggregate.indexes import TextIndex
from pipeline.aggregate.part_program import PartProgram

Spaced = tuple[int, Dimension]
"""A dimension and its space."""


class KeyedRows(NamedTuple):
    """Rows of dimensions: places among the rows asked of, numbers of their keys, lines of the plan.

    ``having`` are the places here of those that have a member, ``members`` these.
    """

    places: I64
    keys: I64
    lines: I64
    having: I64
    members: Texts


class KeyPlan:
    """Dimensions of a feed, arranged for the kernels; the parts of all are read in one call.

    ``sampled``: of which of them ids are kept of all rows, line by line.
    """

    def __init__(self, dimensions: Sequence[Spaced]) -> None:
        parts = [_parts(one) for _, one in dimensions]
        self._program = PartProgram(part for each in parts for part in each)
        self._lines = _lines(dimensions, self._program)
        self._needs = np.array([self._program.needs(each) for each in parts])
        self.sampled = np.array(
            [not isinstance(one, Narrow) or one.sampled for _, one in dimensions]
        )

    def rows(self, few: FewRows, index: TextIndex) -> KeyedRows:
        """Return which rows are in which dimension, under which key of an index."""
        asked = kernels.asked_parts(few.traits, self._lines, self._needs)
        read = self._program.read(few, asked)
        places, lines, having = kernels.find_rows(few.traits, self._lines, read.texts)
        keys = kernels.write_texts(places, lines, self._lines, kernels.LEFT, read.texts)
        members = kernels.write_texts(
            places[having], lines[having], self._lines, kernels.MEMBER, read.texts
        )
        spaces = self._lines[lines, kernels.SPACE]
        numbers = index.numbers(spaces, Texts(*keys))
        return KeyedRows(places, numbers, lines, having, Texts(*members))


def _parts(dimension: Dimension) -> tuple[Part, ...]:
    if isinstance(dimension, Narrow) and dimension.members is not None:
        return (*dimension.key, dimension.members)
    return dimension.key


def _lines(dimensions: Sequence[Spaced], program: PartProgram) -> I64:
    narrow = [one for _, one in dimensions if isinstance(one, Narrow)]
    most = max((len(one.also) for one in narrow), default=0)
    lines = np.full((len(dimensions), kernels.ALSO + most), kernels.ANY, np.int64)
    for line, (space, one) in zip(lines, dimensions, strict=True):
        line[: kernels.ALSO] = kernels.NO_PART
        line[kernels.SPACE], line[kernels.TRAITS], line[kernels.NEVER] = space, 0, 0
        for side, part in zip((kernels.LEFT, kernels.RIGHT), one.key, strict=False):
            line[side] = program.place(part)
        if isinstance(one, Narrow):
            line[kernels.TRAITS], line[kernels.NEVER] = one.traits, one.never
            line[kernels.ALSO : kernels.ALSO + len(one.also)] = one.also
            if one.members is not None:
                line[kernels.MEMBER] = program.place(one.members)
    return lines
