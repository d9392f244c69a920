"""Deletes of a source → columns of erasure.avsc (semantics rule 22)."""

from typing import Final

import polars as pl

REQUEST: Final = "request"


def request_erasures(deletes: pl.DataFrame, *, source: str, ingested_at: int) -> pl.DataFrame:
    """Return one erasure per deleted row, from its ``id`` and ``requested_at``.

    Where the source gives no time, the time of ingestion stands for it.
    """
    return deletes.select(
        pl.lit(REQUEST).alias("kind"),
        pl.col("id").alias("subject"),
        pl.col("requested_at").fill_null(ingested_at),
        pl.lit(ingested_at, dtype=pl.Int64).alias("ingested_at"),
        pl.lit(source).alias("source"),
    )
