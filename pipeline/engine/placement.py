"""Do foreign producers partition keys as we do? A sample says so (semantics rule 4)."""

from collections.abc import Callable, Sequence
from typing import Final

import pyarrow as pa

from pipeline.codecs.chunk import Chunk
from pipeline.codecs.partitioner import partition_of

SAMPLE: Final = 16
"""Keys looked at in a chunk: one wrong partitioner puts nearly all of them elsewhere."""

EVERY: Final = 256
"""Chunks between two looks, so that the check costs nothing."""

Say = Callable[[str], None]


class PlacementCheck:
    """Looks at a few keys now and then; says once per topic if they lie in the wrong partition.

    Rows of one session in several partitions are several sessions, and nothing else shows it.
    """

    def __init__(self, partition: int, partitions: int, say: Say) -> None:
        self._partition = partition
        self._partitions = partitions
        self._say = say
        self._chunks: dict[str, int] = {}
        self._said: set[str] = set()

    def look(self, chunk: Chunk, offsets: Sequence[int]) -> None:
        """Check the first keys of a chunk, if it is its turn; ``offsets`` are its rows'."""
        turn = self._chunks.get(chunk.topic, 0)
        self._chunks[chunk.topic] = turn + 1
        if turn % EVERY or chunk.topic in self._said:
            return
        found = [chunk.record(offset).key for offset in offsets[:SAMPLE]]
        keys = [key for key in found if key is not None]
        places = partition_of(pa.array(keys, pa.binary()), self._partitions)
        if len(keys) < len(found) or (places != self._partition).any():
            self._said.add(chunk.topic)
            self._say(
                f"{chunk.topic} {self._partition}: a producer does not partition its keys by "
                "murmur2 (librdkafka: partitioner=murmur2_random); sessions will be torn apart"
            )
