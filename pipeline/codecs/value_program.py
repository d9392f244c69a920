"""What to do with each field of a writer's values, so that a compiled loop can do it."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from pipeline.codecs import value_kernels as kernels
from pipeline.codecs.arrow_bytes import Int64s
from pipeline.codecs.flat_schema import FlatField, Kind

_OPS: Final[Mapping[Kind, int]] = {
    "int": kernels.VARINT32,
    "long": kernels.VARINT64,
    "boolean": kernels.BOOLEAN,
    "float": kernels.BITS32,
    "double": kernels.BITS64,
    "bytes": kernels.BYTES,
    "string": kernels.TEXT,
}
_NO_COLUMN: Final = -1
_NOT_NULLABLE: Final = -1


class ReadColumn(NamedTuple):
    """A column that is read from values.

    ``op`` says what its bytes are; its words begin at ``unit`` times the number of values.
    """

    written: FlatField
    ours: FlatField
    op: int
    unit: int


class Program(NamedTuple):
    """How some columns are read from values of one writer.

    ``steps`` is a row a field of the writer (see ``value_kernels``), ``units`` how many words a
    value needs.
    """

    steps: Int64s
    units: int
    columns: tuple[ReadColumn, ...]


def compile_program(written: Mapping[str, FlatField], wanted: Sequence[FlatField]) -> Program:
    """Return the program that reads those of the wanted fields that the writer has.

    ``written`` holds the writer's fields in their order.
    """
    units, columns = 0, []
    for ours in wanted:
        source = written.get(ours.name)
        if source is not None:
            columns.append(ReadColumn(source, ours, _op(source, ours), units))
            units += 2 if source.array or _OPS[source.kind] >= kernels.BYTES else 1
    places = {column.written.name: place for place, column in enumerate(columns)}
    steps = np.zeros((len(written), kernels.PROGRAM_WIDTH), np.int64)
    for step, field in zip(steps, written.values(), strict=True):
        place = places.get(field.name, _NO_COLUMN)
        step[kernels.OP] = _OPS[field.kind]
        step[kernels.ARRAY] = field.array
        step[kernels.NULL_BRANCH] = (
            _NOT_NULLABLE if field.null_branch is None else field.null_branch
        )
        step[kernels.COLUMN] = place
        if place != _NO_COLUMN:
            step[kernels.OP] = columns[place].op
            step[kernels.BASE] = columns[place].unit
            step[kernels.NULLABLE] = columns[place].ours.nullable
    return Program(steps, units, tuple(columns))


def _op(source: FlatField, ours: FlatField) -> int:
    """Bytes that are read as a text must be one."""
    return kernels.TEXT if ours.kind == "string" else _OPS[source.kind]
