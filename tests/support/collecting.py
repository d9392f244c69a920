"""A handler that remembers what it was given."""

from collections.abc import Collection, Mapping

from pipeline.codecs.chunk import Chunk


class CollectingHandler:
    """A ``StageHandler`` without I/O: its positions are what it was handed."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.calls: list[tuple[str, tuple[tuple[str, int], ...]]] = []
        self.ticks = 0
        self._positions: dict[tuple[str, int], int] = {}

    @property
    def rows(self) -> int:
        return sum(map(len, self.chunks))

    async def assigned(self, partitions: Collection[tuple[str, int]]) -> None:
        self.calls.append(("assigned", tuple(sorted(partitions))))

    async def revoked(self, partitions: Collection[tuple[str, int]]) -> None:
        self.calls.append(("revoked", tuple(sorted(partitions))))

    async def add(self, chunk: Chunk) -> None:
        self.chunks.append(chunk)
        self._positions[chunk.topic, chunk.partition] = chunk.next_offset

    async def tick(self, now: int) -> None:
        assert now > 1_700_000_000_000_000
        self.ticks += 1

    async def stop(self) -> None:
        self.calls.append(("stop", ()))

    def positions(self) -> Mapping[tuple[str, int], int]:
        return dict(self._positions)
