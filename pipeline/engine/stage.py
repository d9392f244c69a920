"""What a stage is to its host: a pure task per partition that eats chunks and flushes blocks.

The host (``pipeline.kafka``, or the replay loop) owns all I/O: it fences, reads what a restore
asks for, hands over chunks in order, and sends each flush with its offsets in one transaction.
A task never learns whether a commit failed: the host drops it then and opens a new one.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

import pyarrow as pa

from pipeline.codecs.chunk import Chunk

Headers = tuple[tuple[str, bytes], ...]


class Block(NamedTuple):
    """Records for one partition: ``keys`` and ``values`` have equal lengths.

    ``headers``, one for each record, only where there are few: such records are written one by one.
    """

    topic: str
    partition: int
    keys: pa.BinaryArray
    values: pa.BinaryArray
    headers: Sequence[Headers] | None = None


class MarkBlock(NamedTuple):
    """One record without key and value, alone in its Kafka batch; the headers speak."""

    topic: str
    partition: int
    headers: Headers


class Flush(NamedTuple):
    """All that one transaction carries besides the offsets.

    ``metadata`` (at most 4,096 bytes) is stored with the offset of the task's first input.
    ``more``: one transaction could not hold everything, so that another flush is to follow at
    once; should it never come, a restored task makes up for it.
    """

    blocks: list[Block | MarkBlock]
    metadata: str
    more: bool = False


class Reread(NamedTuple):
    """A range of a topic that a restore needs; ``end`` None means its present end.

    ``since``: what was published before (microseconds) is not needed, and need not be read.
    """

    topic: str
    partition: int
    start: int
    end: int | None
    since: int | None = None


class StageTask(Protocol):
    """State and logic of one partition of a stage."""

    inputs: tuple[str, ...]

    def rereads(self, positions: Mapping[str, int], metadata: str | None) -> list[Reread]:
        """Take the committed positions (per input topic) and metadata; say what to read again."""

    def restore(self, reread: Reread, chunk: Chunk) -> None:
        """Take one chunk of what was asked for."""

    def restored(self) -> None:
        """Check that the restored state fits the position; raise RestoreMismatch if not."""

    def add(self, chunk: Chunk) -> None:
        """Take the next chunk of an input."""

    def tick(self, now: int) -> None:
        """Take the wall clock, in microseconds: idleness of feeds depends on it, nothing else."""

    def flush(self) -> Flush | None:
        """Return what changed since the last flush; None if nothing did."""

    def delivered(self, first_offsets: Sequence[int]) -> None:
        """Take the first offset of each block of the last flush, once it is committed."""


class StageHandler(Protocol):
    """What a worker process hosts. Partitions are (topic without prefix, number)."""

    async def assigned(self, partitions: Collection[tuple[str, int]]) -> None:
        """Prepare to receive these partitions."""

    async def revoked(self, partitions: Collection[tuple[str, int]]) -> None:
        """Commit what is done, within a bound, else abort; then forget the partitions."""

    async def add(self, chunk: Chunk) -> None:
        """Take a chunk; awaiting is back pressure."""

    async def tick(self, now: int) -> None:
        """Take the wall clock, about every 100 ms; commit when due."""

    async def stop(self) -> None:
        """Commit and release everything."""

    def positions(self) -> Mapping[tuple[str, int], int]:
        """Return the committed next offsets."""
