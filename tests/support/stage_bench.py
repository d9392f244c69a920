"""A transactional stage on real topics, the tasks it made, and the input it is fed from."""

from collections.abc import Callable, Collection

from pipeline.kafka.clients import reader
from pipeline.kafka.compacted import read_compacted
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.pace import Pace
from pipeline.kafka.progress import Committed, Progress
from pipeline.kafka.publisher import TransactionalPublisher
from pipeline.kafka.ranges import read_range
from pipeline.kafka.stage_settings import StageSettings
from pipeline.kafka.transactional_stage import TransactionalStage
from tests.support.counting import COUNTS, NUMBERS, CountingTask, numbers
from tests.support.waiting import until

P0 = (NUMBERS.name, 0)
EAGER = StageSettings(pace=Pace(interval_s=0.0, rows=1_000_000))


class Alone:
    """A group of one, driven by the test."""

    def __init__(self) -> None:
        self.rejoins = 0
        self.paused: list[tuple[str, int]] = []
        self.resumed: list[tuple[str, int]] = []

    def end(self, topic: str, partition: int) -> int | None:
        assert (topic, partition) == P0
        return None

    async def rejoin(self) -> None:
        self.rejoins += 1

    def pause(self, partitions: Collection[tuple[str, int]]) -> None:
        self.paused += partitions

    def resume(self, partitions: Collection[tuple[str, int]]) -> None:
        self.resumed += partitions


class Bench:
    """A stage, the tasks it made, and the input it is fed from."""

    def __init__(self, connection: KafkaConnection) -> None:
        self.connection = connection
        self.publisher = TransactionalPublisher(connection, "publisher")
        self.stages: list[TransactionalStage] = []

    def stage(
        self,
        tasks: list[CountingTask],
        make: Callable[[int], CountingTask] = CountingTask,
        settings: StageSettings = EAGER,
    ) -> TransactionalStage:
        def remembered(partition: int) -> CountingTask:
            tasks.append(make(partition))
            return tasks[-1]

        stage = TransactionalStage(
            self.connection,
            Alone(),
            stage="counting",
            group="counting",
            make_task=remembered,
            settings=settings,
        )
        self.stages.append(stage)
        return stage

    async def publish(self, *keys: bytes, partition: int = 0) -> int:
        """Publish records to the input; return its end, the transaction's marker included."""
        (first,) = await self.publisher.publish([numbers(partition, keys)])
        return first + len(keys) + 1

    async def feed(self, stage: TransactionalStage, start: int, end: int) -> None:
        """Give the stage the input from start to end, once its task is open."""
        await until(lambda: not stage.restoring)
        async with reader(self.connection) as consumer:
            while start < end:
                async for chunk in read_range(
                    consumer, self.connection, NUMBERS.name, 0, start=start, end=end
                ):
                    await stage.add(chunk)
                    start = chunk.next_offset

    async def settled(self, stage: TransactionalStage, end: int) -> None:
        async def ticked() -> bool:
            await stage.tick(1)
            return stage.positions().get(P0) == end

        await until(ticked)

    async def committed(self) -> Committed | None:
        async with Progress(self.connection) as progress:
            return (await progress.committed("counting", [NUMBERS.name])).get(P0)

    async def commits(self, wanted: Committed) -> None:
        """Wait: a transaction's offsets and records show a moment after its commit returns."""

        async def shown() -> bool:
            return await self.committed() == wanted

        await until(shown)

    async def counts_to(self, wanted: dict[bytes, bytes]) -> None:
        async def shown() -> bool:
            return await self.counts() == wanted

        await until(shown)

    async def counts(self) -> dict[bytes, bytes]:
        return await read_compacted(self.connection, COUNTS.name)
