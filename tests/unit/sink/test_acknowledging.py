"""Brokers that do not answer when the sink acknowledges."""

import asyncio
from collections.abc import Mapping

from pipeline.domain import topics
from pipeline.domain.errors import Unavailable
from pipeline.sink.delivery import Delivery
from pipeline.sink.reading import Reader
from tests.support.avro_schemas import project_schemas
from tests.support.fake_clickhouse import FakeClickHouse
from tests.support.frame_chunk import FrameChunk
from tests.support.sink_rows import row

HERE = (topics.LATE.name, 0)
THERE = (topics.LATE.name, 1)


class Brokers:
    """Take an acknowledgement once they have come back."""

    def __init__(self, failures: int) -> None:
        self.offsets: dict[tuple[str, int], int] = {}
        self.asked = asyncio.Event()
        self._failures = failures

    async def acknowledge(self, positions: Mapping[tuple[str, int], int]) -> None:
        self.asked.set()
        if self._failures:
            self._failures -= 1
            raise Unavailable("no answer")
        self.offsets.update(positions)


def filled(clickhouse: FakeClickHouse, brokers: Brokers) -> Delivery:
    reader = Reader(project_schemas())
    delivery = Delivery(clickhouse, reader, brokers.acknowledge)
    for topic, partition in (HERE, THERE):
        chunk = FrameChunk(topic, partition, {0: row("late_row", partition)}, span=(0, 1))
        delivery.filling.add(reader.read(chunk).frames, (topic, partition), 1)
    return delivery


async def test_an_acknowledgement_without_an_answer_is_repeated_and_its_insert_is_not() -> None:
    clickhouse, brokers = FakeClickHouse(), Brokers(failures=2)
    delivery = filled(clickhouse, brokers)
    await delivery.send()
    assert brokers.offsets == delivery.committed == {HERE: 1, THERE: 1}
    assert clickhouse.log == ["insert late_rows_store"]


async def test_a_partition_taken_away_while_brokers_are_away_is_not_acknowledged_later() -> None:
    brokers = Brokers(failures=1)
    delivery = filled(FakeClickHouse(), brokers)
    sending = asyncio.create_task(delivery.send())
    await brokers.asked.wait()
    delivery.disown([THERE])
    await sending
    assert brokers.offsets == delivery.committed == {HERE: 1}
