"""Kafka as far as an agent sees it, in memory."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.codecs.avro import decode_one
from pipeline.codecs.marks import Mark, StageMark, read_mark
from pipeline.codecs.schemas import Schemas
from pipeline.domain.errors import Unavailable
from pipeline.domain.topics import TOPICS
from pipeline.engine.stage import Block, MarkBlock


class Published(NamedTuple):
    """One record of a partition; marks have neither key nor value."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class MemoryPublisher:
    """Publisher and CursorSource over lists; fails at chosen calls, before or after committing."""

    def __init__(self, partitions: int = 4) -> None:
        self._partitions = partitions
        self.topics: dict[str, list[list[Published]]] = {
            topic.name: [[] for _ in range(partitions if topic.partitioned else 1)]
            for topic in TOPICS
        }
        self.calls = 0
        self.fail_before: set[int] = set()
        self.fail_after: set[int] = set()
        self.largest_call = 0

    def partitions(self, topic: str) -> int:
        return len(self.topics[topic])

    async def publish(self, blocks: Sequence[Block | MarkBlock]) -> list[int]:
        self.calls += 1
        if self.calls in self.fail_before:
            raise Unavailable("the broker went away before the commit")
        firsts = []
        records = 0
        for block in blocks:
            log = self.topics[block.topic][block.partition]
            firsts.append(len(log))
            if isinstance(block, MarkBlock):
                log.append(Published(None, None, block.headers))
                continue
            keys, values = block.keys.to_pylist(), block.values.to_pylist()
            assert len(keys) == len(values) > 0
            log.extend(Published(key, value) for key, value in zip(keys, values, strict=True))
            records += len(keys)
        self.largest_call = max(self.largest_call, records)
        if self.calls in self.fail_after:
            raise Unavailable("the broker went away after the commit")
        return firsts

    async def read(self, topic: str) -> Mapping[bytes, bytes]:
        latest: dict[bytes, bytes] = {}
        for record in self.topics[topic][0]:
            assert record.key is not None
            assert record.value is not None
            latest[record.key] = record.value
        return latest

    def records(self, topic: str, schemas: Schemas) -> list[dict[str, Any]]:
        """Return what all partitions hold, decoded, marks left out."""
        return [
            decode_one(schemas, record.value)
            for log in self.topics[topic]
            for record in log
            if record.value is not None
        ]

    def in_order(self, topic: str, schemas: Schemas) -> list[list[dict[str, Any] | Mark]]:
        """Return each partition's records and marks."""
        result: list[list[dict[str, Any] | Mark]] = []
        for log in self.topics[topic]:
            row: list[dict[str, Any] | Mark] = []
            for record in log:
                mark: Mark | StageMark | None = read_mark(record.headers)
                if isinstance(mark, Mark):
                    row.append(mark)
                elif record.value is not None:
                    row.append(decode_one(schemas, record.value))
            result.append(row)
        return result
