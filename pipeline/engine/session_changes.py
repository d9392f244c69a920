"""Which sessions a recomputation changes (rules 12, 13 and 28)."""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from pipeline.engine.changes import STORED, Changes, changed, emptied, losses, together

IDENTITY: Final = ("session_id", "start")
_AROUND: Final = "_around"
_PLACE: Final = ("session_id", _AROUND)


def session_changes(
    found: pl.DataFrame,
    stored: pl.DataFrame,
    schema: Mapping[str, Any],
    *,
    horizon: int,
    generation: int,
) -> Changes:
    """Compare recomputed sessions with the latest stored records of the same ids and days.

    A session that ends before ``horizon`` is final in its stage, and no row in time can touch it.
    ``stored`` holds no withdrawn records. What is no session any more is withdrawn; what lies in
    a session that is not settled yet is left alone.
    """
    stored = _with_sessions_around(stored, found)
    is_final = pl.col("status") == "final"
    waiting = pl.concat(
        [
            found.filter(pl.col("end") >= horizon).select(IDENTITY),
            stored.filter(~is_final).drop_nulls(_AROUND).select("session_id", start=_AROUND),
        ]
    ).unique()
    settled = found.join(waiting, on=IDENTITY, how="anti")
    final = stored.filter(is_final)
    differing = changed(settled, final, IDENTITY)
    compared = final.filter(pl.col("end") < horizon).join(
        waiting.rename({"start": _AROUND}), on=_PLACE, how="anti"
    )
    gone = compared.join(found, on=IDENTITY, how="anti")
    revised = differing.filter(pl.col(STORED).is_not_null())
    return Changes(
        together(schema, differing, _withdrawn(gone, schema), generation).sort(IDENTITY),
        new=differing.height - revised.height,
        revised=revised.height,
        gone=gone.height,
        waiting=waiting.height,
        # By id: a session that lost its first row begins later, and is another one.
        losses=losses(
            pl.col("session_id"), compared, settled, "revision", requests=pl.col("requests")
        ),
    )


def _with_sessions_around(stored: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Add the start of the recomputed session in which each stored one lies; null: in none."""
    around = found.select(*IDENTITY, pl.col("start").alias(_AROUND), _until="end").sort("start")
    joined = stored.sort("start").join_asof(
        around, on="start", by="session_id", strategy="backward", check_sortedness=False
    )
    inside = pl.col("start") <= pl.col("_until")
    return joined.with_columns(pl.when(inside).then(pl.col(_AROUND)).alias(_AROUND)).drop("_until")


def _withdrawn(gone: pl.DataFrame, schema: Mapping[str, Any]) -> pl.DataFrame:
    gap = pl.col("closes_at") - pl.col("end")
    moved = gone.with_columns(end=pl.col("start"), closes_at=pl.col("start") + gap)
    keep = (*IDENTITY, "end", "closes_at", "version")
    return emptied(moved, schema, keep).with_columns(status=pl.lit("withdrawn"))
