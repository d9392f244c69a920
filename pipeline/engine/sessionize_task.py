"""The sessionize stage's task: rows in, sessions, request deltas and late rows out.

    chunk ─▶ decode ─▶ sane? ─▶ late? ─▶ event key? ─▶ duplicate? ─┬─▶ sessions
              │          │         │          │             │      └─▶ request deltas
              ▼          ▼         ▼          ▼             ▼
         dead letters   late      late   dead letters  completeness, as counts

Everything it must know after a crash is in its own output and in the metadata of its commit.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.aggregate.deltas import RequestDeltas
from pipeline.codecs.chunk import Chunk, Decoded
from pipeline.codecs.event_batch import event_batch, event_columns
from pipeline.codecs.ids import hex128
from pipeline.codecs.marks import Mark, StageMark, mark_headers
from pipeline.codecs.schemas import Schemas
from pipeline.domain.errors import RestoreMismatch
from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.feeds import KEY_COLUMN as _KEY
from pipeline.domain.feeds import SESSION_FEEDS, Feed
from pipeline.domain.feeds import TIME_COLUMN as _TIME
from pipeline.domain.feeds import WEB_LOGS as REQUESTS
from pipeline.domain.topics import (
    COMPLETENESS,
    COURSE_AUDIT,
    DEAD_LETTERS,
    ERASURES,
    LATE,
    LIVE_EVENTS,
    REQUEST_DELTAS,
    SESSIONS,
    WEB_LOGS,
    Topic,
)
from pipeline.engine import event_rows, forgotten
from pipeline.engine.blocks import BlockMaker
from pipeline.engine.dropped_copies import DroppedCopies
from pipeline.engine.duplicates import DuplicateFilter, held_from
from pipeline.engine.event_rows import Longs, Words, sane
from pipeline.engine.key_ranges import KeyRanges
from pipeline.engine.placement import SAMPLE, PlacementCheck
from pipeline.engine.rejects import Rejects
from pipeline.engine.stage import Block, Flush, MarkBlock, Reread
from pipeline.engine.tally import Tally, from_json, to_json
from pipeline.engine.versions import stage_sequence
from pipeline.engine.watermarks import Watermarks
from pipeline.sessionize.sessions import Sessions

INPUTS: Final[dict[Feed, Topic]] = {
    "web_logs": WEB_LOGS,
    "live_events": LIVE_EVENTS,
    "course_audit": COURSE_AUDIT,
}

REPUBLISH_AFTER: Final = 1_000_000
"""A session whose last record lies this many output records back is published again, so that a
restore never reads further (semantics rule 15)."""

SESSIONS_AT_ONCE: Final = 200_000
"""About so many sessions are published in one transaction, which must not outlast its timeout: a
mark may make millions final. Those that got rows since the last one are in it in any case."""

_HELD: Final = ("offset", "time", "key_hi", "key_lo")
"""Columns that holding event keys takes, in its order."""

NOTHING_PASSED: Final = -(2**62)
"""Watermark of a task in which nothing can be late yet."""


class SessionizeTask:
    """One partition of the sessionize stage."""

    def __init__(
        self,
        partition: int,
        rules: EventTimeRules,
        schemas: Schemas,
        *,
        generation: int = 0,
        placement: PlacementCheck | None = None,
        sessions_at_once: int = SESSIONS_AT_ONCE,
    ) -> None:
        self.inputs = tuple(INPUTS[feed].name for feed in rules.feeds if feed in INPUTS)
        self._feeds = {INPUTS[feed].name: feed for feed in rules.feeds if feed in INPUTS}
        self._rules = rules
        self._partition = partition
        self._placement = placement
        self._generation = generation
        self._sessions_at_once = sessions_at_once
        self._sequence = 0
        self._schemas = schemas
        self._blocks = BlockMaker(schemas)
        self._watermarks = Watermarks(rules)
        self._duplicates = DuplicateFilter()
        self._copies = DroppedCopies()
        self._sessions = Sessions(rules)
        self._forgotten = forgotten.Forgotten()
        self._deltas = RequestDeltas()
        self._rejects = Rejects("sessionize")
        self._key_ranges = {topic: KeyRanges() for topic in self.inputs}
        self._tallies: dict[Feed, Tally] = {feed: Tally() for feed in self._feeds.values()}
        self._touched = False
        self._mark_sent: StageMark | None = None
        self._sessions_block: int | None = None
        self._output_end = 0
        self._restored_sequence = 0

    @property
    def tallies(self) -> Mapping[Feed, Tally]:
        """Where rows went, per feed."""
        return self._tallies

    @property
    def watermarks(self) -> Watermarks:
        """How far event time has come in this partition."""
        return self._watermarks

    @property
    def open_sessions(self) -> int:
        """How many sessions are held."""
        return self._sessions.open

    @property
    def held_keys(self) -> int:
        """How many places of the duplicate filter are taken."""
        return len(self._duplicates)

    def rereads(self, positions: Mapping[str, int], metadata: str | None) -> list[Reread]:
        """Take over the committed metadata; ask for erasures, live sessions, held event keys."""
        if not metadata:
            return []
        state = json.loads(metadata)
        self._sequence = state["seq"]
        self._watermarks.restore(state["wm"])
        self._tallies.update(from_json(state["n"]))  # type: ignore[arg-type]
        self._output_end = state["end"]
        asked = []
        if state["out"] is not None:
            # Metadata of former versions says nothing: all orders are read, this once.
            self._forgotten.begin(state.get("orders", 0))
            since = forgotten.oldest_order(self._watermarks.task, self._rules)
            asked.append(Reread(ERASURES.name, 0, self._forgotten.done, None, since))
            asked.append(Reread(SESSIONS.name, self._partition, state["out"], None))
        asked.extend(
            Reread(topic, self._partition, start, positions[topic])
            for topic, start in state["keys"].items()
            if topic in positions and start < positions[topic]
        )
        return asked

    def restore(self, reread: Reread, chunk: Chunk) -> None:
        """Take erasures, live sessions from the own output, or event keys from an input."""
        if reread.topic == ERASURES.name:
            decoded = chunk.decode(self._schemas, ERASURES.schema, forgotten.COLUMNS)
            self._forgotten.take(decoded.frame, chunk.next_offset)
            return
        if reread.topic == SESSIONS.name:
            columns = [f["name"] for f in self._schemas.named(SESSIONS.schema)["fields"]]
            frame = chunk.decode(self._schemas, SESSIONS.schema, columns).frame
            if frame.height:
                newest = stage_sequence(frame["version"])
                self._restored_sequence = max(self._restored_sequence, newest)
                self._output_end = max(self._output_end, chunk.next_offset)
                self._sessions.restore(frame)
            return
        feed = self._feeds[reread.topic]
        decoded = chunk.decode(self._schemas, INPUTS[feed].schema, (_KEY[feed], _TIME[feed]))
        self._hold_keys(
            chunk, decoded.frame.filter(pl.Series(_sane_rows(feed, decoded.frame))), feed
        )

    def restored(self) -> None:
        """Check that no published session is newer than the committed offset.

        Sessions that a flush left to the next one are pending again afterwards, and so are those
        that the orders read change: once they are published, the orders need not be read again.
        """
        if self._restored_sequence > self._sequence:
            raise RestoreMismatch(
                f"sessions of partition {self._partition} go to commit "
                f"{self._restored_sequence}, the committed offset says {self._sequence}"
            )
        self._sessions.forget(self._forgotten.people())
        self._touched = self._forgotten.under_way
        self._advance_sessions()

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk of an input."""
        self._touched = True
        feed = self._feeds[chunk.topic]
        decoded = chunk.decode(self._schemas, INPUTS[feed].schema, event_columns(feed))
        tally = self._tallies[feed]
        tally.consumed += decoded.height + len(decoded.bad)
        tally.dead += len(decoded.bad)
        self._rejects.dead(feed, chunk, decoded.bad)
        if decoded.height:
            if self._placement is not None:
                self._placement.look(chunk, decoded.offsets[:SAMPLE].tolist())
            self._add_rows(feed, chunk, decoded)
        for _, mark in decoded.marks:
            if isinstance(mark, Mark):
                self._watermarks.mark(mark.feed, mark.at)

    def tick(self, now: int) -> None:
        """Take the wall clock; a feed that turns idle is told to the next stage."""
        if self._watermarks.tick(now):
            self._touched = True

    def flush(self) -> Flush | None:
        """Return sessions, deltas, late rows, dead letters and a mark; None if nothing came."""
        if not self._touched and not self._sessions.pending():
            return None
        self._touched = False
        self._sequence += 1
        self._advance_sessions()
        self._sessions.republish(self._output_end - REPUBLISH_AFTER)
        blocks = self._record_blocks()
        mark = self._stage_mark()
        if mark != self._mark_sent:
            blocks.append(MarkBlock(REQUEST_DELTAS.name, 0, mark_headers(mark)))
            self._mark_sent = mark
        return Flush(blocks, self._metadata(), self._sessions.pending())

    def delivered(self, first_offsets: Sequence[int]) -> None:
        """Remember where the sessions of the last flush lie."""
        if self._sessions_block is not None:
            first = first_offsets[self._sessions_block]
            self._sessions.delivered(first)
            self._output_end = max(self._output_end, first)

    def _advance_sessions(self) -> None:
        watermark = self._watermarks.task
        self._sessions.advance(
            self._watermarks.feeds, NOTHING_PASSED if watermark is None else watermark
        )

    def _add_rows(self, feed: Feed, chunk: Chunk, decoded: Decoded) -> None:
        batch, latest_late = self._batch(feed, chunk, decoded)
        times = event_rows.plain(batch, "time")
        largest = [] if latest_late is None else [latest_late]
        if batch.height:
            largest.append(int(times.max()))
        tally = self._tallies[feed]
        new = self._hold_keys_of(chunk, *(event_rows.plain(batch, name) for name in _HELD))
        if not new.all():
            published_at = int(decoded.timestamps_ms.max()) * 1000
            self._copies.add(feed, times[~new], published_at)
            tally.duplicates += batch.height - int(np.count_nonzero(new))
            batch = event_rows.some(batch, new)
        self._deltas.add(feed, batch)
        joins = feed in SESSION_FEEDS
        without_session = event_rows.without_session(batch) if joins else batch.height
        tally.in_sessions += batch.height - without_session
        tally.without_session += without_session
        if joins:
            self._sessions.add(feed, batch)
        if largest:
            self._watermarks.rows(feed, max(largest))

    def _batch(
        self, feed: Feed, chunk: Chunk, decoded: Decoded
    ) -> tuple[event_rows.EventBatch, int | None]:
        """Return the rows to take, and the largest time of those that are late.

        Nearly always all rows are taken: then no frame is made of them.
        """
        if decoded.rows is not None and feed == REQUESTS:
            times, limit = decoded.rows.values.numbers(_TIME[feed]).values, self._watermarks.limit
            in_time = limit is None or times.min() >= limit
            if in_time and sane(times, decoded.timestamps_ms).all():
                batch = event_rows.requests_of(decoded.rows)
                if batch is not None:
                    return batch, None
        rows, latest_late = self._in_time(feed, chunk, self._dated(feed, chunk, decoded.frame))
        return self._with_keys(feed, chunk, rows), latest_late

    def _dated(self, feed: Feed, chunk: Chunk, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows whose time can be (rule 19); the others are late, for that reason."""
        dated = pl.Series(_sane_rows(feed, frame))
        if dated.all():
            return frame
        rest = frame.filter(~dated)
        misdated = self._rejects.late("time", feed, chunk, rest, self._watermarks.task)
        self._tallies[feed].late += misdated
        self._tallies[feed].misdated += misdated
        return frame.filter(dated)

    def _in_time(
        self, feed: Feed, chunk: Chunk, frame: pl.DataFrame
    ) -> tuple[pl.DataFrame, int | None]:
        """Return the rows that are not late (rule 14), and the largest time of those that are."""
        limit = self._watermarks.limit
        if limit is None:
            return frame, None
        times = frame[_TIME[feed]].to_numpy()
        if not len(times) or times.min() >= limit:
            return frame, None
        late = pl.Series(times < limit)
        rest = frame.filter(late)
        self._tallies[feed].late += self._rejects.late(
            "late", feed, chunk, rest, self._watermarks.task
        )
        return frame.filter(~late), int(rest[_TIME[feed]].max())  # type: ignore[arg-type]

    def _with_keys(self, feed: Feed, chunk: Chunk, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the event batch without rows that have no identity (rule 5): those are dead."""
        batch = event_batch(feed, frame)
        if (batch["key_hi"].to_numpy() | batch["key_lo"].to_numpy()).all():
            return batch
        keyless = ~pl.Series(hex128(frame[_KEY[feed]]).valid)
        self._tallies[feed].dead += self._rejects.without_key(feed, chunk, frame.filter(keyless))
        return batch.filter(~keyless)

    def _hold_keys(self, chunk: Chunk, frame: pl.DataFrame, feed: Feed) -> None:
        limit = self._watermarks.limit
        if limit is not None:
            frame = frame.filter(pl.col(_TIME[feed]) >= held_from(limit))
        if frame.height == 0:
            return
        hi, lo, valid = hex128(frame[_KEY[feed]])
        offsets, times = frame["_offset"].to_numpy(), frame[_TIME[feed]].to_numpy()
        self._hold_keys_of(chunk, offsets[valid], times[valid], hi[valid], lo[valid])

    def _hold_keys_of(
        self, chunk: Chunk, offsets: Longs, times: Longs, high: Words, low: Words
    ) -> NDArray[np.bool_]:
        limit = self._watermarks.limit
        if limit is not None:
            self._duplicates.forget(limit)
        if len(times):
            first, last = int(offsets[0]), int(offsets[-1])
            self._key_ranges[chunk.topic].add(first, last, int(times.max()))
        return self._duplicates.admit(high, low, times)

    def _record_blocks(self) -> list[Block | MarkBlock]:
        blocks: list[Block | MarkBlock] = []
        self._sessions_block = None
        if self._sessions.pending():
            version = (self._generation << 48) | self._sequence
            sessions = self._sessions.take_records(version, self._sessions_at_once)
            if sessions.rows:
                self._sessions_block = 0
                blocks.append(self._blocks.records(SESSIONS, self._partition, sessions))
        if self._deltas.pending():
            deltas = self._deltas.take_records(self._partition, self._sequence)
            blocks.append(self._blocks.records(REQUEST_DELTAS, 0, deltas))
        late, dead = self._rejects.take()
        if late is not None:
            blocks.append(self._blocks.block(LATE, self._partition, late))
        if dead is not None:
            blocks.append(self._blocks.block(DEAD_LETTERS, 0, dead))
        if (copies := self._copies.take()) is not None:
            blocks.append(self._blocks.block(COMPLETENESS, 0, copies))
        return blocks

    def _stage_mark(self) -> StageMark:
        return StageMark(
            self._partition,
            dict(self._watermarks.feeds),
            self._watermarks.idle,
            self._watermarks.limit,
        )

    def _metadata(self) -> str:
        limit = self._watermarks.limit
        start = None if limit is None else held_from(limit)
        oldest = {topic: keys.oldest(start) for topic, keys in self._key_ranges.items()}
        live = self._sessions.oldest_output()
        # What was left to the next transaction may be theirs: until then a restore reads again.
        if not self._sessions.pending():
            self._forgotten.publish()
        return json.dumps(
            {
                "v": 1,
                "seq": self._sequence,
                "wm": self._watermarks.snapshot(),
                "out": self._output_end if live is None else min(live, self._output_end),
                "end": self._output_end,
                "keys": {topic: start for topic, start in oldest.items() if start is not None},
                "more": self._sessions.pending(),
                "orders": self._forgotten.done,
                "n": to_json(self._tallies),
            },
            separators=(",", ":"),
        )


def _sane_rows(feed: Feed, frame: pl.DataFrame) -> NDArray[np.bool_]:
    return sane(frame[_TIME[feed]].to_numpy(), frame["_timestamp_ms"].to_numpy())
