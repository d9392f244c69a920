"""Chunks that wait to be decoded together."""

from collections.abc import Collection, Iterable
from typing import Final

from pipeline.codecs.raw_chunk import RawChunk
from pipeline.sink.batch import Partition

JOINED_ROWS: Final = 20_000
JOINED_BYTES: Final = 16 << 20
"""At so many rows or bytes chunks wait no longer."""


class Waiting:
    """Small chunks of each partition, in the order they came.

    Decoding a chunk costs some 3 ms however few its rows are. While the stage keeps up, a hundred
    chunks a second bring a few rows each; joined until the next insert they are a few.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._size = 0
        self._chunks: dict[Partition, list[RawChunk]] = {}

    def __bool__(self) -> bool:
        return bool(self._chunks)

    @property
    def enough(self) -> bool:
        """Whether they should be decoded now."""
        return self.rows >= JOINED_ROWS or self._size >= JOINED_BYTES

    def add(self, partition: Partition, chunk: RawChunk) -> None:
        """Take a chunk that follows the partition's last one."""
        self._chunks.setdefault(partition, []).append(chunk)
        self.rows += len(chunk)
        self._size += chunk.size

    def partitions(self) -> list[Partition]:
        """Return the partitions that have any."""
        return list(self._chunks)

    def first(self, partition: Partition) -> RawChunk | None:
        """Return what a partition has now as one chunk, which stays until it is ``done``."""
        chunks = self._chunks.get(partition)
        if chunks is None:
            return None
        chunks[:] = [RawChunk.one(chunks)]
        return chunks[0]

    def done(self, partition: Partition, chunk: RawChunk) -> None:
        """Drop a partition's first chunk, if it is still this one."""
        chunks = self._chunks.get(partition)
        if chunks is not None and chunks[0] is chunk:
            self._forget([chunks.pop(0)])
            if not chunks:
                del self._chunks[partition]

    def lose(self, partitions: Collection[Partition]) -> None:
        """Drop the chunks of partitions that were taken away: their next owner reads them."""
        for partition in partitions:
            self._forget(self._chunks.pop(partition, ()))

    def _forget(self, chunks: Iterable[RawChunk]) -> None:
        for chunk in chunks:
            self.rows -= len(chunk)
            self._size -= chunk.size
