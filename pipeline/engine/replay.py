"""The whole line in memory: the same codecs and tasks, without Kafka and ClickHouse.

Input blocks go through one sessionize task, its deltas and marks through the detect task; what
the tasks write is handed out block by block. One partition is enough: no result depends on how
many there are (semantics rule 27).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pipeline.codecs.chunk import Chunk, RecordChunk
from pipeline.codecs.marks import Mark, mark_headers
from pipeline.codecs.schemas import Schemas
from pipeline.detect.detection import Detection
from pipeline.domain.event_time import EventTimeRules
from pipeline.domain.feeds import Feed
from pipeline.domain.topics import REQUEST_DELTAS
from pipeline.engine.detect_task import DetectTask
from pipeline.engine.sessionize_task import INPUTS, SessionizeTask
from pipeline.engine.stage import Block, Flush, Headers, MarkBlock, StageTask
from pipeline.engine.tally import Tally


class _Record(NamedTuple):
    """A record as a consumer hands it out."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class Replay:
    """Runs rows through sessionize and detect, one flush per published group of blocks.

    ``emit`` receives every chunk the tasks (and the publisher) write, topic by topic.
    ``published_ms`` stands for the time of publication (semantics rule 19).
    """

    def __init__(
        self,
        rules: EventTimeRules,
        schemas: Schemas,
        detection: Detection,
        emit: Callable[[RecordChunk], None],
        *,
        published_ms: int,
        max_keys: int | None = 1000,
    ) -> None:
        self._rules = rules
        self._sessionize = SessionizeTask(0, rules, schemas)
        self._detect = DetectTask(rules, detection, schemas, partitions=1, max_keys=max_keys)
        self._emit = emit
        self._published_ms = published_ms
        self._ends: dict[str, int] = defaultdict(int)

    @property
    def tallies(self) -> Mapping[Feed, Tally]:
        """Where rows went, per feed."""
        return self._sessionize.tallies

    def publish(self, blocks: Sequence[Block | MarkBlock]) -> list[int]:
        """Take blocks of the input topics in order; return their first offsets."""
        firsts = []
        for block in blocks:
            chunk = self._chunk(block)
            firsts.append(chunk.fetch_offset)
            if block.topic in self._sessionize.inputs:
                self._sessionize.add(chunk)
            else:
                self._emit(chunk)
        self._flush(self._sessionize)
        return firsts

    def read(self, chunks: Sequence[Chunk]) -> None:
        """Take chunks of the input topics as they are."""
        for chunk in chunks:
            self._sessionize.add(chunk)
        self._flush(self._sessionize)

    def close(self) -> None:
        """Advance event time so far that everything becomes final (semantics rule 18)."""
        largest = self._sessionize.watermarks.largest
        if largest is None:
            return
        at = self._rules.closing(largest)
        self.publish(
            [
                MarkBlock(INPUTS[feed].name, 0, mark_headers(Mark(feed, at)))
                for feed in self._rules.feeds
                if feed in INPUTS
            ]
        )

    def _flush(self, task: StageTask) -> None:
        while (flush := task.flush()) is not None:
            self._deliver(task, flush)
            if not flush.more:
                return

    def _deliver(self, task: StageTask, flush: Flush) -> None:
        chunks = [self._chunk(block) for block in flush.blocks]
        task.delivered([chunk.fetch_offset for chunk in chunks])
        for chunk in chunks:
            self._emit(chunk)
            if chunk.topic == REQUEST_DELTAS.name:
                self._detect.add(chunk)
        if task is self._sessionize:
            self._flush(self._detect)

    def _chunk(self, block: Block | MarkBlock) -> RecordChunk:
        first = self._ends[block.topic]
        if isinstance(block, MarkBlock):
            records = [_Record(first, self._published_ms, None, None, block.headers)]
        else:
            pairs = zip(block.keys.to_pylist(), block.values.to_pylist(), strict=True)
            records = [
                _Record(first + i, self._published_ms, key, value, ())
                for i, (key, value) in enumerate(pairs)
            ]
        end = first + len(records)
        self._ends[block.topic] = end
        return RecordChunk(block.topic, block.partition, first, end, records)
