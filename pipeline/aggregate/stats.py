"""Deltas of all partitions added up to absolute counts per feed, minute, dimension and key.

A minute is restated while rows may still come (open, then closed), and published once more as
final when it is dropped (semantics rule 20). Numbers live in one integer matrix; a Python loop
runs over deltas, which are already grouped, never over requests.
"""

from collections import deque
from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pipeline.aggregate.counts import (
    BUCKETS,
    HISTOGRAM,
    MAXIMUM,
    MEMBERS,
    SAMPLES,
    SUMS,
    matrix_lists,
    text_lists,
)
from pipeline.aggregate.folding import fold_rare_keys
from pipeline.aggregate.members import estimated_distinct, smallest_by_hash
from pipeline.domain.event_time import MINUTE
from pipeline.domain.feeds import LIVE_EVENTS, Feed

STAT_COLUMNS: Final = (
    "feed",
    "minute",
    "dimension",
    "key",
    "status",
    "version",
    *SUMS,
    MAXIMUM,
    "durations",
    "members",
    "sample_request_ids",
    "sample_session_ids",
    "members_distinct",
    "members_capped",
    "keys_folded",
)
_NUMBERS: Final = (*SUMS, MAXIMUM, *HISTOGRAM)
_MAX: Final = len(SUMS)

Identity = tuple[Feed, int, str, str]


class _Sets(NamedTuple):
    """Members and samples of one identity, for the few that have any."""

    members: list[str]
    capped: bool
    requests: list[str]
    sessions: list[str]


_NO_SETS: Final = _Sets([], capped=False, requests=[], sessions=[])


class Taken(NamedTuple):
    """What changed: ``stats`` in STAT_COLUMNS; ``closed`` the (feed, minute)s that just closed."""

    stats: pl.DataFrame
    closed: frozenset[tuple[Feed, int]]


class RequestStats:
    """Absolute counts of every minute that is not final yet."""

    def __init__(self, max_keys: int | None = 1000) -> None:
        self._max_keys = max_keys
        self._slot: dict[Identity, int] = {}
        self._minutes: dict[tuple[Feed, int], list[Identity]] = {}
        self._numbers: npt.NDArray[np.int64] = np.zeros((1024, len(_NUMBERS)), np.int64)
        self._free: list[int] = []
        self._used = 0
        self._sets: dict[int, _Sets] = {}
        self._changed: set[Identity] = set()
        self._closed: set[tuple[Feed, int]] = set()
        self._just_closed: set[tuple[Feed, int]] = set()
        self._final: list[tuple[Feed, int]] = []
        self._limit: int | None = None
        self._outputs: deque[tuple[int, int]] = deque()
        self._newest_taken = 0
        self.late_deltas = 0
        self.added = 0

    def __len__(self) -> int:
        """Return how many identities are held."""
        return len(self._slot)

    def add(self, deltas: pl.DataFrame) -> None:
        """Add deltas up (columns of RequestDelta). Those of a dropped minute are counted only."""
        if self._limit is not None:
            late = deltas["minute"] + MINUTE <= self._limit
            self.late_deltas += int(late.sum())
            deltas = deltas.filter(~late)
        if deltas.height == 0:
            return
        self.added += deltas.height
        identities: list[Identity] = list(
            zip(
                *(deltas[name].to_list() for name in ("feed", "minute", "dimension", "key")),
                strict=True,
            )
        )
        slots = np.fromiter((self._slot_of(i) for i in identities), np.int64, len(identities))
        numbers = _matrix(deltas)
        summed = np.arange(len(_NUMBERS)) != _MAX
        np.add.at(
            self._numbers, (slots[:, None], np.flatnonzero(summed)[None, :]), numbers[:, summed]
        )
        np.maximum.at(self._numbers[:, _MAX], slots, numbers[:, _MAX])
        self._add_sets(deltas, slots)
        self._changed.update(identities)

    def advance(self, closed_through: Mapping[Feed, int], limit: int | None) -> None:
        """Close minutes that end before their feed's watermark; drop those below the limit."""
        for feed, minute in self._minutes:
            if (feed, minute) in self._closed:
                continue
            through = closed_through.get(feed)
            if through is not None and through > minute + MINUTE:
                self._closed.add((feed, minute))
                self._just_closed.add((feed, minute))
        if limit is not None:
            self._limit = limit if self._limit is None else max(limit, self._limit)
            self._final = [m for m in self._minutes if m[1] + MINUTE <= self._limit]

    def pending(self) -> bool:
        """Return whether a take would give anything."""
        return bool(self._changed or self._just_closed or self._final)

    def take(self, version: int) -> Taken:
        """Return every identity that changed, closed or became final; drop the final ones."""
        final = set(self._final)
        wanted = set(self._changed)
        for minute in (*self._just_closed, *self._final):
            wanted.update(self._minutes[minute])
        frame = self._frame(sorted(wanted, key=lambda i: (i[1], i)), final, version)
        closed = frozenset(self._just_closed)
        self._newest_taken = max((i[1] for i in wanted), default=0)
        for minute in self._final:
            self._drop(minute)
        self._final = []
        self._changed.clear()
        self._just_closed.clear()
        if self._max_keys is not None:
            frame = fold_rare_keys(frame, self._max_keys)
        return Taken(frame, closed)

    def delivered(self, first_offset: int) -> None:
        """Take the output offset of the last take's first record."""
        self._outputs.append((first_offset, self._newest_taken))

    def oldest_output(self) -> int | None:
        """Return the smallest output offset whose minutes are not all final."""
        if self._limit is not None:
            while self._outputs and self._outputs[0][1] + MINUTE <= self._limit:
                self._outputs.popleft()
        return self._outputs[0][0] if self._outputs else None

    def restore(self, stats: pl.DataFrame) -> None:
        """Take published records (STAT_COLUMNS and ``_offset``), oldest first."""
        for offset, minute in stats.select("_offset", "minute").iter_rows():
            self._outputs.append((offset, minute))
        newest = stats.unique(["feed", "minute", "dimension", "key"], keep="last")
        for row in newest.iter_rows(named=True):
            identity = (row["feed"], row["minute"], row["dimension"], row["key"])
            if row["status"] not in {"open", "closed"}:
                if identity in self._slot:
                    self._forget(identity)
                continue
            slot = self._slot_of(identity)
            histogram = row["durations"] or [0] * BUCKETS
            self._numbers[slot] = [*(row[n] for n in (*SUMS, MAXIMUM)), *histogram]
            self._sets[slot] = _Sets(
                row["members"],
                capped=row["members_capped"],
                requests=row["sample_request_ids"],
                sessions=row["sample_session_ids"],
            )
            if row["status"] == "closed":
                self._closed.add((row["feed"], row["minute"]))

    def everything(self, version: int) -> pl.DataFrame:
        """Return all that is held, as if it had changed: what a restored detector observes."""
        return self._frame(sorted(self._slot, key=lambda i: (i[1], i)), set(), version)

    def resume(self, limit: int | None) -> None:
        """Take the limit that was in force when the restored records were written."""
        self._limit = limit
        for minute in [m for m in self._minutes if limit is not None and m[1] + MINUTE <= limit]:
            self._drop(minute)

    def _slot_of(self, identity: Identity) -> int:
        slot = self._slot.get(identity)
        if slot is None:
            if self._free:
                slot = self._free.pop()
                self._numbers[slot] = 0
            else:
                slot = self._used
                self._used += 1
                if slot == len(self._numbers):
                    self._numbers = np.concatenate([self._numbers, np.zeros_like(self._numbers)])
            self._slot[identity] = slot
            self._minutes.setdefault(identity[:2], []).append(identity)
        return slot

    def _add_sets(self, deltas: pl.DataFrame, slots: npt.NDArray[np.int64]) -> None:
        having = deltas.select(
            pl.int_range(pl.len()).alias("row"),
            "members",
            "sample_request_ids",
            "sample_session_ids",
        ).filter(
            (pl.col("members").list.len() > 0)
            | (pl.col("sample_request_ids").list.len() > 0)
            | (pl.col("sample_session_ids").list.len() > 0)
        )
        for row, members, requests, sessions in having.iter_rows():
            slot = int(slots[row])
            held = self._sets.get(slot, _NO_SETS)
            union = {*held.members, *members}
            self._sets[slot] = _Sets(
                smallest_by_hash(union, MEMBERS),
                capped=held.capped or len(union) > MEMBERS,
                requests=sorted({*held.requests, *requests})[:SAMPLES],
                sessions=sorted({*held.sessions, *sessions})[:SAMPLES],
            )

    def _frame(
        self, identities: list[Identity], final: set[tuple[Feed, int]], version: int
    ) -> pl.DataFrame:
        slots = [self._slot[i] for i in identities]
        numbers = self._numbers[slots]
        sets = [self._sets.get(slot, _NO_SETS) for slot in slots]
        frame = pl.DataFrame(
            {
                "feed": pl.Series([i[0] for i in identities], dtype=pl.String),
                "minute": pl.Series([i[1] for i in identities], dtype=pl.Int64),
                "dimension": pl.Series([i[2] for i in identities], dtype=pl.String),
                "key": pl.Series([i[3] for i in identities], dtype=pl.String),
                "status": pl.Series([self._status(i, final) for i in identities], dtype=pl.String),
                **{name: numbers[:, c] for c, name in enumerate((*SUMS, MAXIMUM))},
                "durations": matrix_lists(numbers[:, _MAX + 1 :]),
                "members": text_lists([s.members for s in sets]),
                "sample_request_ids": text_lists([s.requests for s in sets]),
                "sample_session_ids": text_lists([s.sessions for s in sets]),
                "members_distinct": pl.Series(
                    [estimated_distinct(s.members, MEMBERS, capped=s.capped) for s in sets],
                    dtype=pl.Int64,
                ),
                "members_capped": pl.Series([s.capped for s in sets], dtype=pl.Boolean),
            }
        )
        return frame.with_columns(
            pl.lit(version, pl.Int64).alias("version"),
            pl.lit(0, pl.Int64).alias("keys_folded"),
            pl.when(pl.col("feed") == LIVE_EVENTS)
            .then(pl.lit([], pl.List(pl.Int64)))
            .otherwise(pl.col("durations"))
            .alias("durations"),
        ).select(STAT_COLUMNS)

    def _status(self, identity: Identity, final: set[tuple[Feed, int]]) -> str:
        minute = identity[:2]
        if minute in final:
            return "final"
        return "closed" if minute in self._closed else "open"

    def _drop(self, minute: tuple[Feed, int]) -> None:
        for identity in self._minutes.pop(minute):
            slot = self._slot.pop(identity)
            self._sets.pop(slot, None)
            self._free.append(slot)
        self._closed.discard(minute)

    def _forget(self, identity: Identity) -> None:
        minute = identity[:2]
        self._minutes[minute].remove(identity)
        if not self._minutes[minute]:
            del self._minutes[minute]
            self._closed.discard(minute)
        slot = self._slot.pop(identity)
        self._sets.pop(slot, None)
        self._free.append(slot)


def _matrix(deltas: pl.DataFrame) -> npt.NDArray[np.int64]:
    """Return the numbers of deltas in the order of ``_NUMBERS``."""
    plain = deltas.select((*SUMS, MAXIMUM)).to_numpy().astype(np.int64, copy=False)
    histogram = pl.DataFrame(
        [
            deltas["durations"].list.get(i, null_on_oob=True).fill_null(0).alias(name)
            for i, name in enumerate(HISTOGRAM)
        ]
    )
    return np.concatenate([plain, histogram.to_numpy().astype(np.int64, copy=False)], axis=1)
