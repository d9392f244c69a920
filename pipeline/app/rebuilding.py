"""Filling tables from the beginning of the topics, outside any consumer group."""

from collections.abc import Callable, Mapping
from typing import Final

from pipeline.app.settings import Settings
from pipeline.codecs.schemas import Schemas
from pipeline.kafka.clients import reader
from pipeline.kafka.ranges import read_range
from pipeline.kafka.topics import require_topics
from pipeline.sink.delivery import Delivery
from pipeline.sink.erasing import sweep
from pipeline.sink.pace import Pace
from pipeline.sink.reading import Reader
from pipeline.sink.tables import TOPICS
from pipeline.sink.writer import ClickHouseWriter

Partition = tuple[str, int]
PACE: Final = Pace()


class Filling:
    """Reads on from where it stood, however often it is asked; memory is one batch."""

    def __init__(self, settings: Settings, schemas: Schemas) -> None:
        self.rows = 0
        self._settings = settings
        self._reader = Reader(schemas)
        self._positions: dict[Partition, int] = {}

    async def fill(self, writer: ClickHouseWriter, progressed: Callable[[int], None]) -> int:
        """Insert all that is on the topics now; return the number of rows.

        Raises Unavailable, OurMistake.
        """
        before = self.rows
        connection = self._settings.kafka()
        delivery = Delivery(writer, self._reader, _nobody)
        counts = await require_topics(connection, TOPICS)
        async with reader(connection) as consumer:
            for topic in TOPICS:
                for partition in range(counts[topic]):
                    place = (topic, partition)
                    start = self._positions.get(place, 0)
                    async for chunk in read_range(
                        consumer, connection, topic, partition, start=start
                    ):
                        portion = self._reader.read(chunk)
                        delivery.filling.add(portion.frames, place, chunk.next_offset)
                        if delivery.filling.rows >= PACE.rows:
                            await self._send(delivery, progressed)
                        self._positions[place] = chunk.next_offset
            await self._send(delivery, progressed)
        await sweep(writer)
        return self.rows - before

    async def _send(self, delivery: Delivery, progressed: Callable[[int], None]) -> None:
        self.rows += delivery.filling.rows
        await delivery.send()
        progressed(self.rows)


async def _nobody(positions: Mapping[Partition, int]) -> None:
    """Acknowledge to nobody: there is no group."""
    del positions
