"""How much there is of everything: dimensions of all rows, or of every row that has the key."""

from typing import Final

import polars as pl

from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.dimension import BOTH, LIVE, WEB, Narrow, Wide

ALL: Final = Wide("all", BOTH, ())
CONTROLLER_ACTION: Final = Wide(
    "controller_action",
    WEB,
    (pl.col("controller").fill_null("unspecified"), pl.col("action").fill_null("unspecified")),
)
HOST: Final = Wide("host", LIVE, (pl.col("host"),), rows=pl.col("host").is_not_null())
KEYS: Final = Wide(
    "developer_key",
    BOTH,
    (pl.col("developer_key").cast(pl.String),),
    rows=pl.col("developer_key").is_not_null(),
)
JOBS: Final = Narrow("job_event", LIVE, traits.JOB, (), sampled=False)
"""Events of background jobs: they stop for other reasons than those of requests."""

REQUESTS: Final = (ALL, CONTROLLER_ACTION, HOST, KEYS, JOBS)
