"""A small stage: counts the records of each key and restores itself from its own output."""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

import pyarrow as pa

from pipeline.codecs.chunk import Chunk, Record
from pipeline.domain.errors import RestoreMismatch
from pipeline.domain.topics import Topic
from pipeline.engine.stage import Block, Flush, MarkBlock, Reread

_BY: Final = ("counting",)
_OTHERS: Final = ("tests",)
NUMBERS: Final = Topic(
    name="numbers.v1",
    schema="none",
    key="any",
    cleanup="delete",
    retention_ms=None,
    written_by=_OTHERS,
    read_by=_BY,
)
COUNTS: Final = dataclasses.replace(
    NUMBERS, name="counts.v1", cleanup="compact", written_by=_BY, read_by=_OTHERS
)
MARKS: Final = dataclasses.replace(
    NUMBERS, name="marks.v1", written_by=_BY, read_by=_OTHERS, partitioned=False
)
COUNTING_TOPICS: Final = (NUMBERS, COUNTS, MARKS)


class CountingTask:
    """Counts per key; the metadata holds the sum, so a restore can be judged."""

    inputs: tuple[str, ...] = (NUMBERS.name,)

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.counts: Counter[bytes] = Counter()
        self.rows = 0
        self.delivered_offsets: list[list[int]] = []
        self.rereads_asked: list[Reread] = []
        self._changed: set[bytes] = set()

    def rereads(self, positions: Mapping[str, int], metadata: str | None) -> list[Reread]:
        self.rows = json.loads(metadata)["rows"] if metadata else 0
        self.rereads_asked = [Reread(COUNTS.name, self.partition, 0, None)]
        assert set(positions) == set(self.inputs)
        return self.rereads_asked

    def restore(self, reread: Reread, chunk: Chunk) -> None:
        assert reread in self.rereads_asked
        for record in records_of(chunk):
            self.counts[record.key or b""] = int(record.value or b"0")

    def restored(self) -> None:
        if self.counts.total() != self.rows:
            raise RestoreMismatch(
                f"{self.partition}: counted {self.counts.total()}, committed {self.rows}"
            )

    def add(self, chunk: Chunk) -> None:
        for record in records_of(chunk):
            key = record.key or b""
            self.counts[key] += 1
            self._changed.add(key)
            self.rows += 1

    def tick(self, now: int) -> None:
        """Need no clock."""

    def flush(self) -> Flush | None:
        if not self._changed:
            return None
        keys = sorted(self._changed)
        self._changed = set()
        values = [str(self.counts[key]).encode() for key in keys]
        blocks: list[Block | MarkBlock] = [
            Block(
                COUNTS.name,
                self.partition,
                pa.array(keys, pa.binary()),
                pa.array(values, pa.binary()),
            ),
            MarkBlock(MARKS.name, 0, (("watermark", str(self.rows).encode()),)),
        ]
        return Flush(blocks, json.dumps({"rows": self.rows}))

    def delivered(self, first_offsets: Sequence[int]) -> None:
        self.delivered_offsets.append(list(first_offsets))


def records_of(chunk: Chunk) -> Iterator[Record]:
    """Yield the records of a chunk; only this test double looks at them one by one."""
    for offset in range(chunk.fetch_offset, chunk.next_offset):
        with suppress(KeyError):
            yield chunk.record(offset)


def numbers(partition: int, keys: Sequence[bytes]) -> Block:
    """Return one record for each key."""
    return Block(
        NUMBERS.name,
        partition,
        pa.array(keys, pa.binary()),
        pa.array([b"x"] * len(keys), pa.binary()),
    )
