"""The detect stage's task: request deltas and marks in, request stats and anomalies out.

There is one, whatever the number of input partitions: a minute of one instance is added up,
folded and judged in one place. It restores from its own two outputs: stats that are not final,
and the detectors' states, among which it keeps the marks of the stage before it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from pipeline.aggregate.delta_records import LAYOUT
from pipeline.aggregate.stats import Reached, RequestStats, Taken
from pipeline.codecs.chunk import Chunk
from pipeline.codecs.cloud_events import SITE
from pipeline.codecs.marks import StageMark
from pipeline.codecs.schemas import Schemas
from pipeline.detect.detection import Detection
from pipeline.detect.rules import AnyRule
from pipeline.domain.errors import RestoreMismatch
from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.topics import (
    ANOMALIES,
    DEAD_LETTERS,
    DETECTOR_STATE,
    REQUEST_DELTAS,
    REQUEST_STATS,
)
from pipeline.engine.blocks import BlockMaker
from pipeline.engine.rejects import Rejects
from pipeline.engine.source_marks import SourceMarks
from pipeline.engine.stage import Block, Flush, MarkBlock, Reread
from pipeline.engine.versions import stage_sequence

ADDED_COLUMNS = tuple(name for name in LAYOUT if name not in {"partition", "sequence"})
"""What is read of a delta: where it came from is for people who look at the topic."""

MARKS_OF = ("stage", "marks")
"""Detector and key under which the marks are kept in the detector state."""

REACHED: Final = "reached"
"""Beside the marks: the limit below which minutes are published as final. It is behind that of
the marks while a commit could not hold everything."""

STATS_AT_ONCE: Final = 100_000
"""About so many statistics are published in one transaction because their minutes closed or became
final: after an outage a mark may pass hours at once. The rest follows in the next ones. Those that
got deltas come on top: no more than rows of one commit."""


class DetectTask:
    """The one task of the detect stage."""

    inputs: tuple[str, ...] = (REQUEST_DELTAS.name,)

    def __init__(
        self,
        rules: EventTimeRules,
        detection: Detection,
        schemas: Schemas,
        *,
        partitions: int,
        generation: int = 0,
        site: str = SITE,
        max_keys: int | None = 1000,
        stats_at_once: int = STATS_AT_ONCE,
        new_rules: Callable[[], Sequence[AnyRule] | None] = lambda: None,
    ) -> None:
        """Take the detection; ``new_rules`` gives other rules to go on with, None: the same."""
        self._schemas = schemas
        self._blocks = BlockMaker(schemas, site)
        self._detection = detection
        self._marks = SourceMarks(rules, partitions)
        self._stats = RequestStats(max_keys)
        self._rejects = Rejects("detect")
        self._generation = generation
        self._stats_at_once = stats_at_once
        self._new_rules = new_rules
        self._sequence = 0
        self._limit: int | None = None
        self._dead = 0
        self._touched = False
        self._stats_block: int | None = None
        self._output_end = 0
        self._restored_sequence = 0
        self._states: dict[tuple[str, str], dict[str, Any]] = {}

    @property
    def deltas(self) -> int:
        """Deltas added up since the topics were created."""
        return self._stats.added

    @property
    def late_deltas(self) -> int:
        """Deltas of minutes that were dropped already, since the topics were created."""
        return self._stats.late_deltas

    @property
    def dead(self) -> int:
        """Records that could not be read, since the topics were created."""
        return self._dead

    @property
    def held_alerts(self) -> Mapping[tuple[str, str], int]:
        """Final alerts that were not published, by rule and reason, since this task was opened."""
        return self._detection.held

    def rereads(self, positions: Mapping[str, int], metadata: str | None) -> list[Reread]:
        """Take over the committed metadata; ask for stats that are not final and all states."""
        del positions
        if not metadata:
            return []
        state = json.loads(metadata)
        self._sequence = state["seq"]
        self._output_end = state["end"]
        self._stats.added, self._stats.late_deltas, self._dead = state["n"]
        self._touched = state.get("more", False)
        return [
            Reread(REQUEST_STATS.name, 0, state["out"], None),
            Reread(DETECTOR_STATE.name, 0, 0, None),
        ]

    def restore(self, reread: Reread, chunk: Chunk) -> None:
        """Take stats or detector states."""
        topic = REQUEST_STATS if reread.topic == REQUEST_STATS.name else DETECTOR_STATE
        columns = [field["name"] for field in self._schemas.named(topic.schema)["fields"]]
        frame = chunk.decode(self._schemas, topic.schema, columns).frame
        if frame.height == 0:
            return
        self._restored_sequence = max(self._restored_sequence, stage_sequence(frame["version"]))
        if topic is REQUEST_STATS:
            self._output_end = max(self._output_end, chunk.next_offset)
            self._stats.restore(frame)
        else:
            for row in frame.drop("_offset", "_timestamp_ms").iter_rows(named=True):
                self._states[row["detector"], row["key"]] = row

    def restored(self) -> None:
        """Hand the restored state to its owners; check that it fits the committed offset."""
        if self._restored_sequence > self._sequence:
            raise RestoreMismatch(
                f"request stats go to commit {self._restored_sequence}, "
                f"the committed offset says {self._sequence}"
            )
        marks = self._states.pop(MARKS_OF, None)
        if marks is not None:
            state = json.loads(marks["state"])
            self._marks.restore(state)
            self._limit = state.get(REACHED, self._marks.limit)
        self._stats.resume(self._limit)
        self._detection.restore(self._states.values())
        self._detection.observe(self._stats.everything(self._version()))
        self._states = {}

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk of deltas and marks."""
        self._touched = True
        decoded = chunk.decode(self._schemas, REQUEST_DELTAS.schema, ADDED_COLUMNS)
        self._dead += len(decoded.bad)
        self._rejects.dead("request_deltas", chunk, decoded.bad)
        # A mark speaks of the deltas before it; those after it in the chunk must not be judged
        # by it, so it is taken once all of them are added. That only delays closing.
        self._stats.add(decoded.frame)
        for _, mark in decoded.marks:
            if isinstance(mark, StageMark):
                self._marks.take(mark)

    def tick(self, now: int) -> None:
        """Take the wall clock; that patience with silent partitions ended is worth a flush.

        New rules are taken here too: between two chunks, so between two flushes.
        """
        if self._marks.tick(now):
            self._touched = True
        rules = self._new_rules()
        if rules is not None:
            self._replace_rules(rules)

    def _replace_rules(self, rules: Sequence[AnyRule]) -> None:
        """Go on with other rules: what detectors know stays, as through a restart."""
        self._detection.replace(rules)
        self._detection.observe(self._stats.everything(self._version()))
        self._touched = True

    def flush(self) -> Flush | None:
        """Return changed stats, anomalies and states; None if nothing came.

        What closes and becomes final is bounded: the marks have come further than what is judged
        then, and the next flush goes on.
        """
        if not self._touched:
            return None
        self._sequence += 1
        version = self._version()
        asked = Reached(dict(self._marks.closed_through), self._marks.limit)
        reached = self._stats.advance(*asked, self._stats_at_once)
        self._limit = reached.limit
        self._touched = reached != asked
        blocks: list[Block | MarkBlock] = []
        self._stats_block = None
        taken = self._stats.take(version)
        stats = taken.stats
        if stats.height:
            self._stats_block = 0
            blocks.append(
                self._blocks.block(REQUEST_STATS, 0, stats)
                if taken.columns is None
                else self._blocks.columns(REQUEST_STATS, 0, taken.columns)
            )
        self._judge(taken, reached)
        anomalies, states = self._detection.take(version)
        if anomalies.height:
            blocks.append(self._blocks.block(ANOMALIES, 0, anomalies))
        blocks += self._state_blocks(states, version)
        _, dead = self._rejects.take()
        if dead is not None:
            blocks.append(self._blocks.block(DEAD_LETTERS, 0, dead))
        return Flush(blocks, self._metadata(), self._touched)

    def delivered(self, first_offsets: Sequence[int]) -> None:
        """Remember where the stats of the last flush lie."""
        if self._stats_block is not None:
            first = first_offsets[self._stats_block]
            self._stats.delivered(first)
            self._output_end = max(self._output_end, first)

    def _version(self) -> int:
        return (self._generation << 48) | self._sequence

    def _judge(self, taken: Taken, reached: Reached) -> None:
        stats, status = taken.stats, pl.col("status")
        # Detectors know already what a minute counts that only closed.
        moving = stats.filter(pl.Series(taken.counted) & status.is_in(["open", "closed"]))
        if moving.height:
            self._detection.observe(moving)
        if reached.closed_through:
            # A watermark closes what ends strictly before it; detectors count the end as closed.
            through = {feed: watermark - 1 for feed, watermark in reached.closed_through.items()}
            self._detection.close(through)
        if reached.limit is not None:
            final = stats.filter(status == "final").sort("minute", maintain_order=True)
            self._detection.finalise(final, reached.limit)

    def _state_blocks(self, states: pl.DataFrame, version: int) -> list[Block]:
        """Return the states that changed; behind those that say "forgotten", tombstones.

        Both, because a restore passes null values over: "" is what it reads, and the tombstone is
        for the topic, so that a restore does not read every key there ever was.
        """
        blocks = [self._blocks.block(DETECTOR_STATE, 0, self._with_marks(states, version))]
        if states.height and (states["state"] == "").any():
            last = states.unique(["detector", "key"], keep="last", maintain_order=True)
            forgotten = last.filter(pl.col("state") == "")  # not those that came back at once
            blocks.append(self._blocks.tombstones(DETECTOR_STATE, 0, forgotten))
        return blocks

    def _with_marks(self, states: pl.DataFrame, version: int) -> pl.DataFrame:
        state = {**self._marks.snapshot(), REACHED: self._limit}
        row = pl.DataFrame(
            {
                "detector": [MARKS_OF[0]],
                "key": [MARKS_OF[1]],
                "state": [json.dumps(state, separators=(",", ":"))],
                "version": pl.Series([version], dtype=pl.Int64),
                "updated_at": pl.Series([self._marks.limit or 0], dtype=pl.Int64),
            }
        )
        return row if states.height == 0 else pl.concat([states.select(row.columns), row])

    def _metadata(self) -> str:
        oldest = self._stats.oldest_output()
        return json.dumps(
            {
                "v": 1,
                "seq": self._sequence,
                "out": self._output_end if oldest is None else min(oldest, self._output_end),
                "end": self._output_end,
                "more": self._touched,
                "n": [self._stats.added, self._stats.late_deltas, self._dead],
            },
            separators=(",", ":"),
        )
