"""Which request statistics a recomputation changes (rules 20, 22 and 28)."""

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from pipeline.domain.event_time import MINUTE
from pipeline.domain.feeds import WEB_LOGS
from pipeline.engine.changes import STORED, Changes, changed, emptied, losses, together

IDENTITY: Final = ("feed", "minute", "dimension", "key")
_MINUTE: Final = ("feed", "minute")


def stat_changes(
    found: pl.DataFrame,
    stored: pl.DataFrame,
    schema: Mapping[str, Any],
    *,
    limit: int,
    generation: int,
) -> Changes:
    """Compare recomputed statistics with the latest stored records of the same minutes.

    Minutes that end at or before ``limit`` are final in the detect stage. A key that has no rows
    any more is published once more with zeros: a statistic cannot be withdrawn.
    """
    waiting = pl.concat(
        [
            stored.filter(pl.col("status").is_in(["open", "closed"])).select(_MINUTE),
            found.filter(pl.col("minute") + MINUTE > limit).select(_MINUTE),
        ]
    ).unique()
    settled = found.join(waiting, on=_MINUTE, how="anti")
    final = stored.join(waiting, on=_MINUTE, how="anti")
    differing = changed(settled, final, IDENTITY)
    gone = final.filter((pl.col("rows") > 0) & (pl.col("minute") + MINUTE <= limit)).join(
        found, on=IDENTITY, how="anti"
    )
    every_row = pl.col("dimension") == "all"
    minute = pl.concat_str(
        "feed", pl.from_epoch("minute", time_unit="us").dt.strftime("%FT%RZ"), separator=" of "
    )
    revised = differing.filter(pl.col(STORED).is_not_null())
    keep = (*IDENTITY, "status", "version", "durations")
    zeros = emptied(gone, schema, keep).with_columns(
        durations=pl.col("durations").list.eval(pl.element() * 0)
    )
    return Changes(
        together(schema, differing, zeros, generation).sort("minute", *IDENTITY),
        new=differing.height - revised.height,
        revised=revised.height,
        gone=gone.height,
        waiting=waiting.height,
        losses=losses(
            minute,
            final.filter(every_row & (pl.col("minute") + MINUTE <= limit)),
            settled.filter(every_row),
            "rows",
            requests=pl.when(pl.col("feed") == WEB_LOGS).then("rows").otherwise(0),
        ),
    )
