"""Rare keys of a final minute folded into one (semantics rule 20)."""

import polars as pl

from pipeline.aggregate.counts import MAXIMUM, SUMS
from pipeline.aggregate.dimensions import OTHER

_IDENTITY = ("feed", "minute", "dimension")


def fold_rare_keys(stats: pl.DataFrame, max_keys: int) -> pl.DataFrame:
    """Return stats in which no final minute and dimension has more than ``max_keys`` keys.

    The heaviest keys (most rows, then smallest key) stay. The others are added into the key
    ``other``, whose ``keys_folded`` says how many they were; they themselves are published once
    more with status ``folded``, so that a table keyed by identity can leave them out. Only final
    minutes are folded: what stays depends on the whole minute, not on the order of its rows.
    A key ``other`` that is there before takes the others in.
    """
    crowded = (
        stats.filter(pl.col("status") == "final")
        .group_by(*_IDENTITY)
        .agg(pl.len().alias("keys"))
        .filter(pl.col("keys") > max_keys)
    )
    if crowded.height == 0:
        return stats
    is_other = pl.col("key") == OTHER
    ranked = (
        stats.with_row_index("_row")
        .join(crowded, on=_IDENTITY, how="semi")
        .filter(pl.col("status") == "final")
        .sort(is_other, "rows", "key", descending=[False, True, False])
        .with_columns(pl.int_range(pl.len()).over(*_IDENTITY).alias("_rank"))
        .filter((pl.col("_rank") >= max_keys) | is_other)
    )
    folded = pl.Series(values=ranked["_row"])
    own = stats.with_row_index("_row").with_columns(pl.col("_row").is_in(folded.implode()))
    return pl.concat(
        [
            own.filter(~(pl.col("_row") & is_other))
            .with_columns(
                pl.when(pl.col("_row"))
                .then(pl.lit("folded"))
                .otherwise(pl.col("status"))
                .alias("status")
            )
            .drop("_row"),
            _others(ranked).select(stats.columns),
        ]
    )


def _others(folded: pl.DataFrame) -> pl.DataFrame:
    """Return the keys ``other`` that take folded rows in."""
    return folded.group_by(*_IDENTITY).agg(
        pl.lit(OTHER).alias("key"),
        pl.lit("final").alias("status"),
        pl.col("version").first(),
        *(pl.col(name).sum() for name in SUMS),
        pl.col(MAXIMUM).max(),
        pl.lit([], pl.List(pl.Int64)).alias("durations"),
        *(
            pl.lit([], pl.List(pl.String)).alias(name)
            for name in ("members", "sample_request_ids", "sample_session_ids")
        ),
        pl.lit(0, pl.Int64).alias("members_distinct"),
        pl.lit(value=False).alias("members_capped"),
        pl.max_horizontal("keys_folded", pl.lit(1)).sum().cast(pl.Int64).alias("keys_folded"),
    )
