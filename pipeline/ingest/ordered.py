"""A part of the spool in an order of its own, whatever the order in which it was read.

The same window downloaded twice comes in other objects and in another order, and a row that was
corrected in between is not in it any more. So an agent that resumes must not count on how many rows
it has published but on which was the last one.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from pipeline.domain.event_time import HOUR, MINUTE
from pipeline.ingest.spool import DEAD_LETTERS, ERASURES, Spool

ROWS_AT_ONCE: Final = 100_000
"""Rows that are sorted in memory together (about 40 MB); of a larger part, a range at a time."""

_READ_AT_ONCE: Final = 32_768
"""Rows that are looked through together."""

_HEX_BUCKET: Final = 2
"""Digits of a hexadecimal key that make a range."""

Key = tuple[int | str, ...]


class _Order(NamedTuple):
    """``columns`` order the rows of a part; ``bucket`` is a whole number that grows with them."""

    columns: tuple[str, ...]
    bucket: pl.Expr


class Ordered(NamedTuple):
    """Rows in order; ``last`` is the key of the last one, ``doubled`` counts copies left out.

    Two rows of one key are one: the one committed last. Copies count with the row that stands for
    them: so what was published before a restart and what is published after it, together, count
    each copy once.
    """

    rows: pl.DataFrame
    last: Key
    doubled: int


def in_order(
    spool: Spool, part: int, after: Key | None, most: int, *, at_once: int = ROWS_AT_ONCE
) -> Iterator[Ordered]:
    """Give the rows of a part behind the key ``after``, at most ``most`` at a time.

    Hours are ordered by (time, id), deletes by what they erase, dead letters by the hash of their
    payload. A part of more than ``at_once`` rows is first written anew, cut into ranges.
    """
    order = _order(part)
    for rows in _by_range(spool, part, order, at_once):
        rows = rows.sort(*order.columns, *_ties(rows), nulls_last=False)  # noqa: PLW2901 - lets go
        if after is not None:
            rows = rows.filter(_behind(order.columns, after))  # noqa: PLW2901
        stays = ~rows.select(_again(order.columns)).to_series()
        # Of each row that stays: its place among all, copies before their row.
        places = stays.arg_true().to_numpy()
        if len(places) < rows.height:
            rows = rows.filter(stays)  # noqa: PLW2901
        read = 0
        for start in range(0, rows.height, most):
            some = rows.slice(start, most)
            until = int(places[start + some.height - 1]) + 1
            yield Ordered(some, some.select(order.columns).row(-1), until - read - some.height)
            read = until
        del rows  # before the next ones are read


def _by_range(spool: Spool, part: int, order: _Order, at_once: int) -> Iterator[pl.DataFrame]:
    """Give the rows of one range after the other."""
    ranges = list(_ranges(spool, part, order, at_once))
    if len(ranges) == 1:
        yield pl.concat(list(spool.read(part, 0, at_once)))
        return
    cut = spool.another()
    try:
        for frame in spool.read(part, 0, _READ_AT_ONCE):
            for number, (low, high) in enumerate(ranges):
                cut.add_part(number, frame.filter(order.bucket.is_between(low, high - 1)))
        for number in cut.parts():
            yield pl.concat(list(cut.read(number, 0, at_once)))
    finally:
        cut.close()


def _again(columns: Sequence[str]) -> pl.Expr:
    """Tell which rows are followed by one of the same key."""
    same = pl.all_horizontal(pl.col(name) == pl.col(name).shift(-1) for name in columns)
    return same.fill_null(value=False)


def _order(part: int) -> _Order:
    if part == DEAD_LETTERS:
        return _Order(("payload_sha256",), _leading("payload_sha256"))
    if part == ERASURES:
        return _Order(("subject",), _leading("subject"))
    return _Order(("timestamp", "id"), (pl.col("timestamp") - part * HOUR) // MINUTE)


def _leading(name: str) -> pl.Expr:
    return pl.col(name).str.slice(0, _HEX_BUCKET).str.to_integer(base=16)


def _ties(rows: pl.DataFrame) -> list[str]:
    return [name for name in ("committed_at", "requested_at") if name in rows.columns]


def _behind(columns: Sequence[str], after: Key) -> pl.Expr:
    """Tell which rows have a key above ``after``: lexicographically, from the last column on."""
    behind = pl.lit(value=False)
    for name, value in reversed(list(zip(columns, after, strict=True))):
        behind = (pl.col(name) > value) | ((pl.col(name) == value) & behind)
    return behind


def _ranges(spool: Spool, part: int, order: _Order, at_once: int) -> Iterator[tuple[int, int]]:
    """Give ranges of buckets, each with about ``at_once`` rows or a single bucket."""
    buckets = 16**_HEX_BUCKET
    if spool.rows(part) <= at_once:
        yield 0, buckets
        return
    counts = np.zeros(buckets, np.int64)
    for frame in spool.read(part, 0, _READ_AT_ONCE):
        found = frame.select(order.bucket.alias("bucket"))["bucket"].to_numpy()
        counts += np.bincount(found, minlength=buckets)
    low, rows = 0, 0
    for bucket, count in enumerate(counts.tolist()):
        if rows and rows + count > at_once:
            yield low, bucket
            low, rows = bucket, 0
        rows += count
    yield low, buckets
