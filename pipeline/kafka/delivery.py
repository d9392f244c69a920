"""What reaches a handler: chunks of the present assignment, without holes and repetitions."""

from pipeline.codecs.chunk import Chunk
from pipeline.domain.errors import TelemetryError


class DeliveryGap(TelemetryError):
    """The consumer left offsets out within one assignment; only a new start mends it."""


class Delivery:
    """Checks that the chunks of a partition join, from its first chunk after an assignment on.

    Faust seeks back to the committed offsets now and then; what was seen already is cut off.
    """

    def __init__(self) -> None:
        self._epoch = -1
        self._next: dict[tuple[str, int], int] = {}

    def accept(self, epoch: int, chunk: Chunk) -> Chunk | None:
        """Return what is new in the chunk, None if nothing is. Raises DeliveryGap."""
        if epoch != self._epoch:
            self._epoch = epoch
            self._next.clear()
        key = (chunk.topic, chunk.partition)
        expected = self._next.get(key, chunk.fetch_offset)
        if chunk.fetch_offset > expected:
            raise DeliveryGap(
                f"{chunk.topic} {chunk.partition}: the consumer went from {expected} "
                f"to {chunk.fetch_offset}."
            )
        if chunk.next_offset <= expected:
            return None
        self._next[key] = chunk.next_offset
        return chunk if chunk.fetch_offset == expected else chunk.since(expected)
