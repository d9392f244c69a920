"""What a part says of rows, read as the counting of dimensions reads it."""

import ctypes
from collections.abc import Sequence

import numpy as np
import polars as pl

from pipeline.aggregate.batch_columns import BatchColumns
from pipeline.aggregate.dimensions.parts import Part
from pipeline.aggregate.few_rows import FewRows
from pipeline.aggregate.part_kernels import ABSENT
from pipeline.aggregate.part_program import PartProgram


def said(
    part: Part,
    frame: pl.DataFrame,
    rows: Sequence[int] | None = None,
    traits: Sequence[int] | None = None,
) -> list[str | None]:
    """Return the texts of a part, None where there is none, of rows of a frame: all, no traits."""
    rows = range(frame.height) if rows is None else rows
    given = np.zeros(len(rows), np.int32) if traits is None else np.array(traits, np.int32)
    columns, program = BatchColumns(frame), PartProgram([part])
    few = FewRows(columns, np.array(rows, np.int64), given)
    read = program.read(few, program.needs([part]))
    return [
        None if size == ABSENT else ctypes.string_at(at, size).decode()
        for at, size in read.texts[program.place(part)].tolist()
    ]
