"""The dimensions that requests are counted by: one line each, listed in ``DIMENSIONS``.

A dimension's keys never grow with the number of users unless only a few rows have one.
"""

from dataclasses import dataclass
from typing import Final

import polars as pl

from pipeline.domain.feeds import LIVE_EVENTS, WEB_LOGS, Feed


@dataclass(frozen=True, slots=True)
class Dimension:
    """How rows of an event batch get a key, and which of them do.

    ``key``: one text, or two that are joined with ``#``; of none, the key is empty. ``rows``
    selects the rows (None: all); ``members`` names what is counted distinctly per key.
    """

    name: str
    feeds: tuple[Feed, ...]
    key: tuple[pl.Expr, ...]
    rows: pl.Expr | None = None
    members: pl.Expr | None = None


OTHER: Final = "other"
"""Key into which rare keys of a minute are folded."""

_BOTH: Final = (WEB_LOGS, LIVE_EVENTS)

ALL: Final = Dimension("all", _BOTH, ())
CONTROLLER_ACTION: Final = Dimension(
    "controller_action",
    (WEB_LOGS,),
    (pl.col("controller").fill_null("unspecified"), pl.col("action").fill_null("unspecified")),
)
HOST: Final = Dimension(
    "host", (LIVE_EVENTS,), (pl.col("host"),), rows=pl.col("host").is_not_null()
)
DEVELOPER_KEY: Final = Dimension(
    "developer_key",
    _BOTH,
    (pl.col("developer_key").cast(pl.String),),
    rows=pl.col("developer_key").is_not_null(),
)
MASQUERADER: Final = Dimension(
    "masquerader",
    _BOTH,
    (pl.col("actor").cast(pl.String),),
    rows=pl.col("masqueraded"),
    members=pl.col("user").cast(pl.String),
)
FAILED_LOGIN_IP: Final = Dimension(
    "failed_login_ip",
    (WEB_LOGS,),
    (pl.col("ip"),),
    rows=pl.col("failed_login") & pl.col("ip").is_not_null(),
)

DIMENSIONS: Final = (ALL, CONTROLLER_ACTION, HOST, DEVELOPER_KEY, MASQUERADER, FAILED_LOGIN_IP)
