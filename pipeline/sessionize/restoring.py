"""Records read back: the rows, paths and members that ``record`` wrote."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from pipeline.sessionize import layout as at
from pipeline.sessionize.activity_day import ActivityDays
from pipeline.sessionize.arrays import EMPTY, I64, U64
from pipeline.sessionize.arrow_columns import distinct, large_texts
from pipeline.sessionize.hashing import mix64, pair_hash, text_hash
from pipeline.sessionize.hex128 import from_hex
from pipeline.sessionize.record import COUNTS, OPTIONAL
from pipeline.sessionize.text_log import TextLog
from pipeline.sessionize.text_views import TextViews, text_views

_NO_TEXTS: Final = text_views(pl.Series([], dtype=pl.String))


class Identities(NamedTuple):
    """Who the records of a frame are about."""

    high: U64
    low: U64
    ids: U64
    start: I64

    @property
    def hashes(self) -> U64:
        """One hash of (session id, start)."""
        return identity_hash(self.ids, self.start)


def identity_hash(ids: U64, start: I64) -> U64:
    """Return the hash of an identity, from its id's hash and its start."""
    return mix64(ids ^ mix64(start.astype(np.uint64)))


def identities(frame: pl.DataFrame) -> Identities:
    """Return the identities of records."""
    high, low = from_hex(frame["session_id"])
    return Identities(high, low, pair_hash(high, low), frame["start"].to_numpy())


def read_rows(frame: pl.DataFrame, known: Identities, days: ActivityDays, paths: TextLog) -> I64:
    """Return the numbers of records that are published, live sessions; paths go to the log."""
    rows = np.empty((frame.height, at.WIDTH), np.int64)
    rows[:] = at.NEUTRAL
    rows[:, at.ID_HIGH], rows[:, at.ID_LOW] = known.high.view(np.int64), known.low.view(np.int64)
    rows[:, at.ID_HASH] = known.ids.view(np.int64)
    rows[:, at.START] = rows[:, at.PUBLISHED] = known.start
    rows[:, at.DAY] = days.of(known.start)
    rows[:, at.END] = frame["end"].to_numpy()
    rows[:, at.VERSION] = frame["version"].to_numpy()
    for name, column in COUNTS:
        rows[:, column] = frame[name].to_numpy()
    for name, column in OPTIONAL:
        rows[:, column] = frame[name].fill_null(int(at.NEUTRAL[column])).to_numpy()
    rows[:, at.ACTOR] = frame["actor"].fill_null(0).to_numpy()
    for name, column in (("actor", at.ACTOR_AT), ("entry", at.ENTRY_AT), ("exit", at.EXIT_AT)):
        _read_tie(rows, frame, name, column)
    rows[:, at.FLAGS] = frame["continued"].to_numpy() * at.CONTINUED
    for name, column in (("entry_path", at.ENTRY_TEXT), ("exit_path", at.EXIT_TEXT)):
        known_path = np.flatnonzero(frame[name].is_not_null().to_numpy())
        rows[known_path, column] = paths.append(text_views(frame[name]), known_path)
    for number, name in enumerate(at.SETS):
        rows[:, at.FLAGS] |= frame[f"{name}_capped"].to_numpy() * (at.CAPPED << number)
    return rows


def _read_tie(rows: I64, frame: pl.DataFrame, name: str, column: int) -> None:
    times = frame[f"{name}_at"]
    rows[:, column] = times.fill_null(int(at.NEUTRAL[column])).to_numpy()
    known = times.is_not_null().to_numpy()
    high, low = from_hex(frame[f"{name}_key"])
    rows[known, column + 1] = at.ordered(high)[known]
    rows[known, column + 2] = at.ordered(low)[known]


class ReadSet(NamedTuple):
    """Members of one set: the record of each, its hash, and where its text is, if it is one."""

    number: int
    owners: I64
    hashes: U64
    texts: TextViews
    rows: I64


def read_sets(frame: pl.DataFrame) -> Iterator[ReadSet]:
    """Yield the members of each set that has any."""
    for number, name in enumerate(at.SETS):
        lengths = frame[name].list.len().to_numpy().astype(np.int64)
        owners = np.repeat(np.arange(frame.height), lengths)
        if not len(owners):
            continue
        values = frame[name].filter(pl.Series(lengths > 0)).explode()
        texts, rows = _NO_TEXTS, EMPTY
        if number in at.TEXT_SETS:
            members = distinct(large_texts(values))
            texts, rows = text_views(pl.Series(members.texts)), members.places
            hashes = text_hash(texts)[rows]
        else:
            hashes = values.to_numpy().view(np.uint64)
            hashes = hashes if number == at.USER_AGENTS else mix64(hashes)
        yield ReadSet(number, owners, hashes, texts, rows)
