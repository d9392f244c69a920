"""Records to publish instead of stored ones (rules 13, 27 and 28).

Offsets and versions are no difference. What has nothing in it any more is published once more,
emptied, with a version above the stored one.
"""

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

import polars as pl

from pipeline.codecs.flat_schema import FlatField, flat_fields
from pipeline.engine.versions import recomputed_version

STORED: Final = "_stored"
"""Column of ``changed``: the stored version; null: there is no stored record."""

LOSS: Final = {"what": pl.String, "had": pl.Int64, "has": pl.Int64, "requests": pl.Int64}
"""Whose rows are fewer, how many there were and are, and how many requests are lost of them."""


class Changes(NamedTuple):
    """Records to publish, in the columns of their schema, with their versions.

    ``new``, ``revised`` and ``gone`` count them; ``waiting`` are results that rows may still
    touch: a later run takes them. ``losses`` (columns LOSS) are the session ids, or the minutes,
    that hold fewer rows than before: rows were erased, or are missing.
    """

    records: pl.DataFrame
    new: int
    revised: int
    gone: int
    waiting: int
    losses: pl.DataFrame


def losses(
    whose: pl.Expr, stored: pl.DataFrame, found: pl.DataFrame, rows: str, requests: pl.Expr
) -> pl.DataFrame:
    """Return the LOSS of everything that holds fewer rows, or fewer requests, than it did.

    ``whose`` names what is compared; what has no row left is there in ``stored`` alone.
    """
    sides = [
        frame.group_by(whose.alias("what")).agg(
            pl.col(rows).sum().alias("rows"), requests.sum().alias("requests")
        )
        for frame in (stored, found)
    ]
    lost = (
        sides[0]
        .join(sides[1], on="what", how="left")
        .select(
            pl.col("what").cast(pl.String),
            pl.col("rows").alias("had"),
            pl.col("rows_right").fill_null(0).alias("has"),
            (pl.col("requests") - pl.col("requests_right").fill_null(0)).alias("requests"),
        )
    )
    fewer = (pl.col("has") < pl.col("had")) | (pl.col("requests") > 0)
    return lost.filter(fewer).sort("what").cast(LOSS)  # type: ignore[arg-type]


def changed(found: pl.DataFrame, stored: pl.DataFrame, identity: Collection[str]) -> pl.DataFrame:
    """Return found records that differ from the stored ones of their identities, or are new.

    Beside its own columns each has the stored ones, with ``_`` before the name, and STORED.
    """
    contents = [name for name in found.columns if is_content(name) and name not in identity]
    theirs = stored.select(
        *identity,
        pl.col("version").alias(STORED),
        *(pl.col(name).alias(f"_{name}") for name in contents),
    )
    joined = found.join(theirs, on=list(identity), how="left")
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"_{name}")) for name in contents)
    return joined.filter(pl.col(STORED).is_null() | differs)


def is_content(name: str) -> bool:
    """Return whether two equal runs must agree in this column."""
    return name != "version" and not name.endswith("_offset")


def emptied(stored: pl.DataFrame, schema: Mapping[str, Any], keep: Collection[str]) -> pl.DataFrame:
    """Return stored records with nothing in them but the columns to keep."""
    return stored.select(
        pl.col(field.name) if field.name in keep else _nothing(field).alias(field.name)
        for field in flat_fields(schema)
    )


def together(
    schema: Mapping[str, Any], differing: pl.DataFrame, empty: pl.DataFrame, generation: int
) -> pl.DataFrame:
    """Return the records of ``changed`` and ``emptied`` with versions above the stored ones."""
    names = [field.name for field in flat_fields(schema)]
    version = recomputed_version(pl.col(STORED), generation)
    again = recomputed_version(pl.col("version"), generation)
    return pl.concat(
        [
            differing.with_columns(version=version).select(names),
            empty.with_columns(version=again).select(names),
        ]
    )


def _nothing(field: FlatField) -> pl.Expr:
    if field.nullable:
        return pl.lit(None, field.dtype)
    if field.array:
        return pl.lit([], field.dtype)
    return pl.lit({"string": "", "boolean": False}.get(field.kind, 0), field.dtype)
