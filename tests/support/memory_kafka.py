"""Topics in memory and a host that runs a stage task on them, with crashes at any moment."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from pipeline.codecs.avro import ColumnEncoder
from pipeline.codecs.chunk import RecordChunk
from pipeline.codecs.flat_schema import dtypes
from pipeline.codecs.schemas import Schemas
from pipeline.domain.topics import TOPICS
from pipeline.engine.stage import Block, Headers, MarkBlock, StageTask
from pipeline.kafka.registry import FileRegistry

SCHEMAS = FileRegistry(Path(__file__).parents[2] / "schemas" / "avro").schemas()


class Stored(NamedTuple):
    """A record as a consumer hands it out."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


class MemoryKafka:
    """Partitions as lists; every block is followed by a hole, as transaction markers make one."""

    def __init__(self, schemas: Schemas = SCHEMAS, published_ms: int = 1_800_000_000_000) -> None:
        self.schemas = schemas
        self.published_ms = published_ms
        """When what comes next is published."""
        self._logs: dict[tuple[str, int], list[Stored]] = defaultdict(list)
        self._ends: dict[tuple[str, int], int] = defaultdict(int)

    def publish(self, block: Block | MarkBlock) -> int:
        """Append a block; return its first offset."""
        place = block.topic, block.partition
        first = self._ends[place]
        if isinstance(block, MarkBlock):
            pairs: list[tuple[bytes | None, bytes | None]] = [(None, None)]
            headers = [block.headers]
        else:
            pairs = list(zip(block.keys.to_pylist(), block.values.to_pylist(), strict=True))
            headers = list(block.headers) if block.headers is not None else [()] * len(pairs)
        self._logs[place].extend(
            Stored(first + i, self.published_ms, key, value, said)
            for i, ((key, value), said) in enumerate(zip(pairs, headers, strict=True))
        )
        self._ends[place] = first + len(pairs) + 1
        return first

    def write(self, topic: str, partition: int, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows of the topic's schema; missing fields are null."""
        schema = self.schemas.named(_schema_of(topic))
        frame = pl.DataFrame(rows, schema=dtypes(schema))
        values = ColumnEncoder(schema, self.schemas.id_of(_schema_of(topic))).encode(frame)
        self.publish(Block(topic, partition, values, values))

    def end(self, topic: str, partition: int) -> int:
        """Return the end offset."""
        return self._ends[topic, partition]

    def compact(self, topic: str) -> None:
        """Keep the latest record of every key and none of a key whose value is null."""
        for place, log in self._logs.items():
            if place[0] == topic:
                latest = {record.key: record.offset for record in log if record.key is not None}
                log[:] = [
                    one
                    for one in log
                    if one.key is None or (latest[one.key] == one.offset and one.value is not None)
                ]

    def since(self, topic: str, partition: int, at: int) -> int:
        """Return the first offset that was published at a time (microseconds) or later."""
        records = self._logs[topic, partition]
        later = (each.offset for each in records if each.timestamp * 1000 >= at)
        return next(later, self._ends[topic, partition])

    def chunk(self, topic: str, partition: int, start: int, end: int) -> RecordChunk:
        """Return the records of [start, end)."""
        records = [r for r in self._logs[topic, partition] if start <= r.offset < end]
        return RecordChunk(topic, partition, start, end, records)

    def rows(self, topic: str) -> list[dict[str, Any]]:
        """Return all records of a topic, partition by partition, as dicts with ``_offset``."""
        fields = [field["name"] for field in self.schemas.named(_schema_of(topic))["fields"]]
        found: list[dict[str, Any]] = []
        for name, partition in sorted(self._logs):
            if name == topic:
                chunk = self.chunk(topic, partition, 0, self._ends[name, partition])
                decoded = chunk.decode(self.schemas, _schema_of(topic), fields)
                assert not decoded.bad
                found.extend(decoded.frame.drop("_timestamp_ms").to_dicts())
        return found


class MemoryHost:
    """Runs one task: chunks of given sizes, commits and crashes where it is told."""

    def __init__(self, kafka: MemoryKafka, make_task: Any, partition: int = 0) -> None:
        self.kafka = kafka
        self._make_task = make_task
        self._partition = partition
        self._committed: dict[str, int] = {}
        self._metadata: str | None = None
        self.task: StageTask = make_task()
        self._next = dict.fromkeys(self.task.inputs, 0)
        self.reread: dict[str, range] = {}
        """Offsets that the last restore asked for, by topic."""

    def step(self, topic: str, records: int) -> None:
        """Add the next chunk of an input."""
        start = self._next[topic]
        end = min(start + records, self.kafka.end(topic, self._partition))
        if end > start:
            self.task.add(self.kafka.chunk(topic, self._partition, start, end))
            self._next[topic] = end

    def commit(self) -> bool:
        """Flush and commit what was flushed with the position; return whether more is to follow."""
        flush = self.task.flush()
        if flush is not None:
            assert len(flush.metadata.encode()) <= 4096
            self.task.delivered([self.kafka.publish(block) for block in flush.blocks])
            self._metadata = flush.metadata
        self._committed = dict(self._next)
        return flush is not None and flush.more

    def crash(self) -> None:
        """Lose everything that is not committed and open the task anew."""
        self.task = self._make_task()
        self._next = {topic: self._committed.get(topic, 0) for topic in self.task.inputs}
        self.reread = {}
        for reread in self.task.rereads(self._next, self._metadata):
            end = self.kafka.end(reread.topic, reread.partition)
            stop = end if reread.end is None else reread.end
            first = reread.start
            if reread.since is not None:
                first = max(first, self.kafka.since(reread.topic, reread.partition, reread.since))
            self.reread[reread.topic] = range(first, stop)
            for start in range(first, stop, 7):
                self.task.restore(
                    reread,
                    self.kafka.chunk(reread.topic, reread.partition, start, min(start + 7, stop)),
                )
        self.task.restored()

    def finish(self) -> None:
        """Read everything and commit until nothing is left to commit."""
        for topic in self.task.inputs:
            self.step(topic, 1 << 40)
        while self.commit():
            pass


def _schema_of(topic: str) -> str:
    return next(t.schema for t in TOPICS if t.name == topic)
