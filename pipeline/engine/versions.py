"""Versions of results, and who wrote them (semantics rule 13).

A version is generation << 48 | sequence. The stages count their commits in the lower half of the
sequence; the upper half belongs to ``recompute``, whose records a stage meets in its own output
when it restores. They say nothing about how far the stage has come.
"""

from typing import Final

import polars as pl

SEQUENCE_BITS: Final = 48
RECOMPUTED: Final = 1 << (SEQUENCE_BITS - 1)
"""Set in versions of ``recompute``. A stage that commits every millisecond gets here in 4,000
years."""


def stage_sequence(versions: pl.Series) -> int:
    """Return the largest sequence that a stage wrote among versions; 0 if it wrote none."""
    sequences = versions.cast(pl.Int64) & ((1 << SEQUENCE_BITS) - 1)
    newest = sequences.filter((sequences & RECOMPUTED) == 0).max()
    return 0 if newest is None else int(newest)  # type: ignore[arg-type]


def recomputed_version(stored: pl.Expr, generation: int) -> pl.Expr:
    """Return the version that replaces a stored one; null: the identity is new.

    Above every version that a stage of this or an earlier generation writes, and one above the
    stored version if ``recompute`` wrote that too.
    """
    first = (generation << SEQUENCE_BITS) | RECOMPUTED
    return pl.max_horizontal(stored.cast(pl.Int64) + 1, pl.lit(first, pl.Int64))
