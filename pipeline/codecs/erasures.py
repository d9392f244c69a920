"""Deletes of a source, orders to forget a person → columns of erasure.avsc (semantics rule 22)."""

from collections.abc import Iterable
from typing import Final

import polars as pl

REQUEST: Final = "request"
PERSON: Final = "person"


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


def person_erasures(people: Iterable[int], *, source: str, ordered_at: int) -> pl.DataFrame:
    """Return one erasure per person, by the ids that stand in published records."""
    subjects = [str(person) for person in people]
    return pl.DataFrame(
        {
            "kind": [PERSON] * len(subjects),
            "subject": subjects,
            "requested_at": [ordered_at] * len(subjects),
            "ingested_at": [ordered_at] * len(subjects),
            "source": [source] * len(subjects),
        },
        schema_overrides={"requested_at": pl.Int64, "ingested_at": pl.Int64},
    )
