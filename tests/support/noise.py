"""Weeks of counts without any event: Poisson around a daily and weekly rhythm."""

import numpy as np
import polars as pl

from pipeline.domain.event_time import MINUTE
from tests.support.minute_stats import EMPTY, SCHEMA

MONDAY = 29_005_920
"""A Monday, midnight UTC, in minutes since the epoch."""

DAY = 1440


def noise(
    seed: int,
    rates: list[float],
    days: int,
    *,
    share: float = 0.05,
    members: int = 0,
    rhythm: bool = True,
    pick: int = 1,
) -> pl.DataFrame:
    """Return final stats of ``days`` for one key per rate (rows a minute on average).

    ``share`` of the rows are errors; with ``members`` each row set meets one of so many; every
    ``pick``-th minute has rows.
    """
    rng = np.random.default_rng(seed)
    minutes = np.arange(0, days * DAY, pick)
    hour, weekday = minutes / 60 % 24, minutes // DAY % 7
    busy = (1.1 + np.cos((hour - 14) / 24 * 2 * np.pi)) * np.where(weekday < 5, 1.1, 0.5)
    level = busy if rhythm else np.ones(len(minutes))
    many = rng.poisson(level[:, None] * np.array(rates))
    at, key = np.nonzero(many)
    rows = many[at, key]
    met = rng.integers(0, max(members, 1), len(at))
    frame = pl.DataFrame(
        {
            "feed": pl.repeat("web_logs", len(at), eager=True),
            "minute": (MONDAY + minutes[at]) * MINUTE,
            "dimension": pl.repeat("thing", len(at), eager=True),
            "key": pl.Series([f"k{i}" for i in range(len(rates))]).gather(key),
            "rows": rows,
            "errors": rng.binomial(rows, share),
            "members": [[f"m{one}"] for one in met.tolist()] if members else [[]] * len(at),
            "members_distinct": np.full(len(at), int(members > 0)),
        },
        schema_overrides={"members": pl.List(pl.String)},
    )
    return whole(frame)


def whole(frame: pl.DataFrame) -> pl.DataFrame:
    """Return stats with every column that they have, by minute."""
    rest = [
        pl.lit(EMPTY[name], dtype=kind).alias(name)
        for name, kind in SCHEMA.items()
        if name not in frame.columns
    ]
    return frame.with_columns(rest).select(*SCHEMA).sort("minute", maintain_order=True)


def planted(
    frame: pl.DataFrame, key: str, first: int, minutes: int, **counts: int | list[str]
) -> pl.DataFrame:
    """Return stats in which a key has these counts on top; ``first`` in minutes from the start."""
    at = (MONDAY + np.arange(first, first + minutes)) * MINUTE
    values = {name: [value] * minutes for name, value in counts.items()}
    if "members" in values:
        values["members_distinct"] = [len(one) for one in values["members"]]  # type: ignore[arg-type]
    extra = whole(
        pl.DataFrame(
            {"feed": ["web_logs"] * minutes, "minute": at, "dimension": ["thing"] * minutes}
            | {"key": [key] * minutes}
            | values,
            schema_overrides={name: SCHEMA[name] for name in values},
        )
    )
    sums = ["rows", "errors", "writes"]
    identity = ["feed", "minute", "dimension", "key"]
    together = pl.concat([frame, extra]).group_by(identity, maintain_order=True)
    rest = [
        name for name in SCHEMA if name not in {*identity, *sums, "members", "members_distinct"}
    ]
    found = together.agg(
        *(pl.col(name).sum() for name in sums),
        pl.col("members").list.explode(keep_nulls=False, empty_as_null=False).unique(),
        *(pl.col(name).first() for name in rest),
    )
    distinct = pl.col("members").list.len().cast(pl.Int64).alias("members_distinct")
    return found.with_columns(distinct).select(*SCHEMA).sort("minute", maintain_order=True)
