"""Request stats made by hand, and simulated days of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.domain.event_time import MINUTE

TEXTS = pl.List(pl.String)
SCHEMA: dict[str, Any] = {
    "feed": pl.String,
    "minute": pl.Int64,
    "dimension": pl.String,
    "key": pl.String,
    "status": pl.String,
    "version": pl.Int64,
    **dict.fromkeys(
        (
            "rows",
            "status_1xx",
            "status_2xx",
            "status_3xx",
            "status_4xx",
            "status_5xx",
            "status_other",
            "errors",
            "writes",
            "masqueraded",
            "participations",
            "duration_sum",
            "duration_max",
        ),
        pl.Int64,
    ),
    "durations": pl.List(pl.Int64),
    "members": TEXTS,
    "sample_request_ids": TEXTS,
    "sample_session_ids": TEXTS,
    "members_distinct": pl.Int64,
    "members_capped": pl.Boolean,
    "keys_folded": pl.Int64,
}
EMPTY: dict[str, Any] = {
    name: [] if isinstance(kind, pl.List) else False if kind == pl.Boolean else 0
    for name, kind in SCHEMA.items()
} | {"feed": "web_logs", "dimension": "all", "key": "", "status": "final"}

DAY_START_MIN = 29_000_160  # a midnight, UTC
Row = dict[str, Any]
Matrix = npt.NDArray[np.float64]


def stat(minute: int, **fields: Any) -> Row:
    """Return one stat; ``minute`` in whole minutes since the epoch."""
    return EMPTY | {"minute": minute * MINUTE} | fields


def frame(rows: Iterable[Row]) -> pl.DataFrame:
    """Return stats as a frame."""
    return pl.DataFrame(list(rows), schema=SCHEMA)


def requests(minute: int, key: str, rows: int, server: int = 0, client: int = 0) -> Row:
    """Return web_logs requests of a controller#action (or of all: key "")."""
    return stat(
        minute,
        dimension="controller_action" if key else "all",
        key=key,
        rows=rows,
        status_2xx=rows - server - client,
        status_4xx=client,
        status_5xx=server,
        errors=server + client,
        sample_request_ids=[f"r-{minute}-{key}"] if server + client else [],
        sample_session_ids=[f"s-{minute}-{key}"] if server + client else [],
    )


def acting(  # noqa: PLR0917 - reads as a table in tests
    minute: int, actor: str, targets: Sequence[str], writes: int, rows: int, feed: str = "web_logs"
) -> Row:
    """Return what a person did as others in a minute."""
    return stat(
        minute,
        feed=feed,
        dimension="masquerader",
        key=actor,
        rows=rows,
        writes=writes,
        masqueraded=rows,
        members=sorted(targets),
        members_distinct=len(targets),
        sample_request_ids=[f"r-{minute}-{actor}"],
    )


@dataclass
class Attack:
    """What was put into a day: dimension and key of the alert it should raise."""

    kind: str
    dimension: str
    key: str
    start: int
    end: int


@dataclass
class Day:
    """A day or more: counts of web_logs as columns, what people did as others, what was put in."""

    web_logs: pl.DataFrame = field(default_factory=pl.DataFrame)
    rows: list[Row] = field(default_factory=list)
    attacks: list[Attack] = field(default_factory=list)

    def stats(self) -> pl.DataFrame:
        """Return the stats in order of minutes."""
        defaults = {n: pl.lit(EMPTY[n], dtype=SCHEMA[n]) for n in SCHEMA if n not in _DRAWN}
        web_logs = self.web_logs.with_columns(**defaults).select(
            pl.col(name).cast(kind) for name, kind in SCHEMA.items()
        )
        return pl.concat([web_logs, frame(self.rows)]).sort("minute", maintain_order=True)


CONTROLLERS = [f"controller_{i}#show" for i in range(58)] + ["login/canvas#create", "graphql#go"]
_DRAWN = ("minute", "dimension", "key", "rows", "status_4xx", "status_5xx", "errors")


def simulate_day(seed: int, *, attacks: bool, per_day: int = 300_000, days: int = 1) -> Day:
    """Draw days of a university: daily rhythm, clumped errors, a help desk, and attacks."""
    rng = np.random.default_rng(seed)
    day = Day()
    weights = rng.permutation(1.0 / np.arange(1, len(CONTROLLERS) + 1) ** 1.1)
    weights /= weights.sum()
    broken = np.zeros((days * 1440, len(CONTROLLERS)))
    if attacks:
        _server_errors(day, rng, broken, weights * per_day / 1440)
    day.web_logs = _web_logs(rng, broken, weights * per_day / 1440)
    for person in ("901", "902", "903"):
        _help(day, rng, person, DAY_START_MIN, days)
    if attacks:
        _masquerading(day, rng, DAY_START_MIN)
    return day


def _web_logs(rng: np.random.Generator, broken: Matrix, level: Matrix) -> pl.DataFrame:
    minutes, keys = broken.shape
    refused = rng.beta(1.0, 22.0, keys)
    refused[CONTROLLERS.index("login/canvas#create")] = 0.2
    failing = rng.gamma(2.0, rng.uniform(0.002, 0.005) / 2, keys)
    hour = np.arange(minutes) % 1440 / 60
    rhythm = 0.08 + 0.92 * (1 + np.cos((hour - 15) / 24 * 2 * np.pi)) ** 2 / 1.5
    scatter = rng.gamma(20, 1 / 20, minutes)
    many = rng.poisson((rhythm * scatter)[:, None] * level)
    # Usual errors come one to five at a time: somebody tries again.
    clumps = rng.poisson(many * failing * 0.7)
    usual = clumps + rng.negative_binomial(np.maximum(clumps, 1), 0.7) * (clumps > 0)
    server = np.minimum(many, usual + rng.binomial(many, broken))
    client = rng.binomial(many - server, refused)
    minute, key = np.nonzero(many)
    pages = pl.DataFrame(
        {
            "minute": (DAY_START_MIN + minute) * MINUTE,
            "dimension": pl.repeat("controller_action", len(minute), eager=True),
            "key": np.array(CONTROLLERS, dtype=object)[key],
            "rows": many[minute, key],
            "status_4xx": client[minute, key],
            "status_5xx": server[minute, key],
        },
        schema_overrides={"key": pl.String},
    )
    whole = pages.group_by("minute").agg(
        pl.lit("all").alias("dimension"),
        pl.lit("").alias("key"),
        pl.col("rows", "status_4xx", "status_5xx").sum(),
    )
    errors = (pl.col("status_4xx") + pl.col("status_5xx")).alias("errors")
    return pl.concat([pages, whole]).with_columns(errors)


def _server_errors(day: Day, rng: np.random.Generator, broken: Matrix, level: Matrix) -> None:
    # A page that is asked some times a minute by day: less is beneath what can be told from chance.
    page = int(rng.choice(np.flatnonzero(level > 2.5)))
    at = int(rng.integers(10 * 60, 14 * 60))
    broken[at : at + 10, page] = rng.uniform(0.5, 0.9)
    start = DAY_START_MIN + at
    day.attacks.append(Attack("page", "controller_action", CONTROLLERS[page], start, start + 10))
    at, length = int(rng.integers(15 * 60, 21 * 60)), int(rng.integers(4, 12))
    broken[at : at + length] = rng.uniform(0.2, 0.6)
    start = DAY_START_MIN + at
    day.attacks.append(Attack("instance", "all", "", start, start + length))


def _both_feeds(day: Day, minute: int, actor: str, targets: list[str], writes: int) -> None:
    rows = 3 * len(targets) + writes
    day.rows.append(acting(minute, actor, targets, writes, rows))
    day.rows.append(acting(minute, actor, targets, writes, rows // 2 + writes, "live_events"))


def _help(day: Day, rng: np.random.Generator, person: str, start: int, days: int) -> None:
    minute = start + 8 * 60
    while minute < start + days * 1440:
        if 8 <= (minute % 1440) / 60 < 17:
            for _ in range(1 if rng.random() < 0.8 else int(rng.integers(1, 4))):
                target = str(rng.integers(2000))
                for _ in range(int(rng.integers(1, 4))):
                    writes = int(rng.integers(1, 4)) if rng.random() < 0.1 else 0
                    _both_feeds(day, minute, person, [target], writes)
                    minute += 1
        minute += 25 + int(rng.exponential(35))


def _masquerading(day: Day, rng: np.random.Generator, start: int) -> None:
    at = start + int(rng.integers(0, 1200))
    targets = [str(t) for t in rng.choice(2000, 40, replace=False)]
    for offset in range(15):
        mine = targets[offset * 40 // 15 : (offset + 1) * 40 // 15]
        _both_feeds(day, at + offset, "666", mine, int(rng.random() < 0.2))
    day.attacks.append(Attack("fan-out", "masquerader", "666", at, at + 15))
    at = start + int(rng.integers(0, 1200))
    targets = [str(t) for t in rng.choice(2000, 3, replace=False)]
    for offset in range(20):
        _both_feeds(day, at + offset, "667", [targets[offset // 7]], int(rng.integers(3, 8)))
    day.attacks.append(Attack("writes", "masquerader", "667", at, at + 20))
