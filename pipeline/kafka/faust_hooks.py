"""Batch delivery through Faust: every private hook of faust, mode and the group's consumer.

Faust delivers one event per message, 15 to 19 thousand a second. Here it delivers one event per
fetched per-partition chunk instead. Faust keeps the consumer group, the assignment, agents, flow
control and signals; it never acknowledges these topics, has no tables and opens no producer.

What replaces what:

- ``ChunkConsumerThread._create_worker_consumer`` builds the ``AIOKafkaConsumer``: read_committed
  (Faust's own is uncommitted outside its own transactions), ``StickyNumbers`` (same-numbered
  partitions of co-subscribed topics meet in one worker and stay there), our fetch sizes, and
  whole record batches in place of records (``raw_fetch``).
- ``ChunkConsumerThread._fetch_records`` compares positions before and after each fetch. So a
  fetch that held only transaction markers or aborted rows still gives a chunk, an empty one.
- ``ChunkScheduler`` and ``PassThrough`` hand a chunk on as it is; ``ChunkConsumer._to_message``
  wraps it into Faust's message.
- ``ChunkConsumer._read_offset`` never remembers: Faust would drop what is delivered a second time
  after a seek; here the receiver's position decides what is old.
- ``ChunkConsumer.perform_seek`` does nothing: every assignment is a new one and begins at the
  committed offsets by itself. Faust's own waits for the brokers, and when they take longer than
  its limit it takes the timeout for a stop and never resumes, now or after any later assignment.
- ``ChunkConsumer.on_buffer_full``: a full queue simply blocks; Faust would take the partition out
  and, with none left, sleep for a second.

``HOOKS`` names all of it; a contract test holds it against the installed versions.
"""

# ruff: noqa: SLF001, ARG002 - private names and overridden signatures are what this file is about

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, cast

import aiokafka
import faust
from aiokafka.errors import ConsumerStoppedError
from aiokafka.structs import OffsetAndMetadata
from faust.app.base import BootStrategy
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from pipeline.codecs.chunk import Chunk
from pipeline.kafka.connection import KafkaConnection
from pipeline.kafka.fetched import ConsumerLimits, Fetched, Reach
from pipeline.kafka.known_topics import learn_topics
from pipeline.kafka.raw_fetch import NOTHING, RawFetch, Taken, chunk_of
from pipeline.kafka.sticky_numbers import StickyNumbers

HOOKS: Final = {
    "faust.app.base:App": (
        *("_new_transport", "_create_directories", "consumer"),
        *("on_partitions_assigned", "on_partitions_revoked"),
    ),
    "faust.app.base:BootStrategy": ("enable_kafka_producer", "enable_web", "enable_sensors"),
    "faust.transport.consumer:Consumer": (
        *("_to_message", "_read_offset", "on_buffer_full", "perform_seek"),
        *("verify_event_path", "highwater", "flow_active"),
    ),
    "faust.transport.drivers.aiokafka:Consumer": (
        *("_new_consumer_thread", "_thread", "RebalanceListener"),
    ),
    "faust.transport.drivers.aiokafka:AIOKafkaConsumerThread": (
        *("_create_worker_consumer", "_assignor", "_fetch_records", "_ensure_consumer"),
        *("call_thread", "on_partitions_revoked", "on_thread_stop"),
    ),
    "faust.transport.drivers.aiokafka:Transport": ("Consumer",),
    "faust.types.settings.settings:Settings": ("ConsumerScheduler", "stream_wait_empty"),
    "mode.threads:QueueServiceThread": ("call_thread",),
    "aiokafka.consumer.fetcher:Fetcher": (
        *("fetched_records", "_create_fetch_waiter", "error_future"),
        *("_subscriptions", "_closed"),
    ),
    "aiokafka.consumer.subscription_state:SubscriptionState": (
        *("fetch_context", "reassignment_in_progress", "subscription"),
    ),
    "aiokafka.consumer.subscription_state:Assignment": ("state_value", "tps"),
    "aiokafka.consumer.subscription_state:TopicPartitionState": (
        "has_valid_position",
        "position",
    ),
    "aiokafka.consumer.group_coordinator:GroupCoordinator": ("request_rejoin",),
    "aiokafka:AIOKafkaConsumer": ("_subscription", "_fetcher", "_coordinator", "_closed"),
}
"""Class → attributes; held against the installed versions by a contract test."""


class ChunkScheduler:
    """Hands the chunks of one fetch on, one event each."""

    def iterate(self, records: Mapping[TP, Fetched]) -> Iterator[tuple[TP, Fetched]]:
        """Yield them in the order of arrival."""
        return iter(records.items())


class PassThrough(faust.Schema[Any, Any]):
    """Leaves keys and values alone."""

    def loads_key(self, app: Any, message: Any, **_: Any) -> Any:
        """Return the message's key."""
        return message.key

    def loads_value(self, app: Any, message: Any, **_: Any) -> Any:
        """Return the message's value: a ``Fetched``."""
        return message.value


class _NoMemory(defaultdict[TP, int | None]):
    """Read offsets that are never remembered."""

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def __setitem__(self, tp: TP, offset: Any) -> None:
        pass

    def update(self, *_: Any, **__: Any) -> None:
        pass


class ChunkConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that owns the group's consumer; its loop is not the application's."""

    epoch: int = 0

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        app = cast(ChunkApp, self.app)
        limits = app.limits
        self._assignor = StickyNumbers()
        return aiokafka.AIOKafkaConsumer(
            **app.connection.client_arguments(),
            group_id=app.conf.id,
            group_instance_id=limits.instance,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            key_deserializer=RawFetch(limits.chunk_records, limits.chunk_bytes),
            max_poll_interval_ms=int(limits.max_poll_s * 1000),
            max_partition_fetch_bytes=limits.partition_fetch_bytes,
            fetch_max_bytes=limits.fetch_bytes,
            fetch_max_wait_ms=limits.fetch_wait_ms,
            session_timeout_ms=int(limits.session_s * 1000),
            heartbeat_interval_ms=int(limits.heartbeat_s * 1000),
            rebalance_timeout_ms=int(limits.rebalance_s * 1000),
        )

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Begin a new epoch: what was fetched before it is dropped."""
        self.epoch += 1
        await super().on_partitions_revoked(revoked)

    async def on_thread_stop(self) -> None:
        """Stop the consumer; its fetcher, cancelled in a pause after an error, raises that."""
        with contextlib.suppress(asyncio.CancelledError):
            await super().on_thread_stop()

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - the overridden method's signature
        max_records: int | None = None,
    ) -> dict[TP, Any]:
        """Return one ``Fetched`` per partition whose position moved; wait up to ``timeout``."""
        most = cast(ChunkApp, self.app).limits.chunk_records
        fetcher = consumer._fetcher
        subscriptions = fetcher._subscriptions
        epoch = self.epoch
        deadline = self.thread_loop.time() + (timeout or 0.0)
        with subscriptions.fetch_context():
            while self.consumer.flow_active and self.epoch == epoch and active_partitions:
                if consumer._closed or fetcher._closed:
                    raise ConsumerStoppedError
                if fetcher.error_future.done():
                    # Its background task has ended: no record would ever come again.
                    fetcher.error_future.result()
                if subscriptions.reassignment_in_progress:
                    break
                before = _positions(subscriptions, active_partitions)
                # Without a timeout it never awaits here, so `before` is where it starts.
                taken = await _take(fetcher, active_partitions, most)
                after = _positions(subscriptions, active_partitions)
                moved = {tp: start for tp, start in before.items() if after.get(tp, start) > start}
                if moved:
                    return {
                        tp: Fetched(
                            epoch,
                            self._chunk(tp, start, after[tp], taken.get(tp, NOTHING)),
                            consumer.last_stable_offset(_aiokafka(tp)) or after[tp],
                        )
                        for tp, start in moved.items()
                    }
                left = deadline - self.thread_loop.time()
                if left <= 0:
                    break
                await _new_data(fetcher, min(left, 0.5))
        return {}

    def _chunk(self, tp: TP, start: int, following: int, taken: Taken) -> Chunk:
        bare = cast(ChunkApp, self.app).connection.bare
        return chunk_of(bare(tp.topic), tp.partition, start, following, taken)

    async def commit_now(self, positions: Mapping[TP, int]) -> None:
        """Commit these next offsets, all of them or an error; runs in the thread."""
        await self._ensure_consumer().commit(
            {_aiokafka(tp): OffsetAndMetadata(offset, "") for tp, offset in positions.items()}
        )

    async def reach(self) -> dict[TP, Reach]:
        """Ask the brokers how far the assigned partitions go; runs in the thread."""
        consumer = self._ensure_consumer()
        await learn_topics(consumer)
        assigned = list(consumer.assignment())
        if not assigned:
            await consumer.topics()
            return {}
        # What fetches have told: asked for before the assignment may change.
        written = {tp: consumer.highwater(tp) or 0 for tp in assigned}
        ends = await consumer.end_offsets(assigned)
        fetched = _positions(consumer._subscription, assigned)
        return {
            TP(*tp): Reach(end, fetched.get(TP(*tp)), max(end, written[tp]))
            for tp, end in ends.items()
        }

    async def request_rejoin(self) -> None:
        """Leave the present assignment and ask for a new one; runs in the thread."""
        self._ensure_consumer()._coordinator.request_rejoin()


async def _take(fetcher: Any, partitions: set[TP], most_records: int) -> dict[TP, Taken]:
    """Take what was fetched, at most once a partition, until there is a chunk's worth of it.

    One hand-over between threads for all partitions when they bring little; when they bring much,
    no more is unfolded at once than the next chunk. What goes wrong behind what was taken comes
    again with the next fetch.
    """
    taken: dict[TP, Taken] = {}
    waiting, left = set(partitions), most_records
    while waiting and left > 0:
        try:
            found = await fetcher.fetched_records(waiting, timeout=0, max_records=1)
        except Exception:
            if not taken:
                raise
            break
        if not found:
            break
        for tp, (each,) in found.items():
            taken[tp] = each
            waiting.discard(tp)
            left -= each.most_records
    return taken


async def _new_data(fetcher: Any, limit_s: float) -> None:
    """Wait until a fetch brought anything, markers included."""
    waiter = fetcher._create_fetch_waiter()
    await asyncio.wait([waiter], timeout=limit_s)
    if waiter.done():
        waiter.result()  # raises what the group's coordination failed with
    else:
        waiter.cancel()


def _positions(subscriptions: Any, partitions: Collection[TP]) -> dict[TP, int]:
    """Return the next offset of every partition that has one."""
    assignment = subscriptions.subscription.assignment if subscriptions.subscription else None
    if assignment is None:
        return {}
    positions: dict[TP, int] = {}
    for tp in tuple(partitions):
        state = assignment.state_value(tp)
        if state is not None and state.has_valid_position:
            positions[tp] = state.position
    return positions


def _aiokafka(tp: TP) -> aiokafka.TopicPartition:
    return aiokafka.TopicPartition(tp.topic, tp.partition)


class ChunkConsumer(driver.Consumer):
    """Faust's consumer for events that are whole chunks."""

    _thread: ChunkConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = _NoMemory()

    def _new_consumer_thread(self) -> ChunkConsumerThread:
        return ChunkConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _to_message(self, tp: TP, record: Fetched) -> ConsumerMessage:
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            record.chunk.next_offset - 1,
            0.0,
            0,
            None,
            None,
            cast(bytes, record),
            None,
            0,
            0,
            TP(tp.topic, tp.partition),
            generation_id=self.app.consumer_generation_id,
        )

    async def perform_seek(self) -> None:
        """Seek nowhere; see above."""

    def on_buffer_full(self, tp: TP) -> None:
        """Let the full queue block the fetcher: plain back pressure."""

    def highwater(self, tp: TP) -> int:
        """Return 0: Faust only shows it, and asking races with the thread's assignment."""
        return 0

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Check nothing: the worker's own deadman knows commits that Faust does not."""

    async def commit_now(self, positions: Mapping[TP, int]) -> None:
        """Commit next offsets of the group through the thread that owns the consumer."""
        await self._thread.call_thread(self._thread.commit_now, positions)

    async def reach(self) -> dict[TP, Reach]:
        """Return how far the assigned partitions go; with none, whether the brokers answer."""
        reach: dict[TP, Reach] = await self._thread.call_thread(self._thread.reach)
        return reach

    async def rejoin(self) -> None:
        """Ask for a new assignment."""
        await self._thread.call_thread(self._thread.request_rejoin)

    @property
    def epoch(self) -> int:
        """Return the number of the present assignment."""
        return self._thread.epoch


class ChunkTransport(driver.Transport):
    """Faust's Kafka transport with our consumer."""

    Consumer = ChunkConsumer


class ConsumerOnly(BootStrategy):
    """Starts no producer, no web server, no sensors."""

    enable_kafka_producer = False
    enable_web = False
    enable_sensors = False


class ChunkApp(faust.App):
    """A Faust application that consumes chunks and does nothing else."""

    BootStrategy = ConsumerOnly

    def __init__(self, connection: KafkaConnection, group: str, limits: ConsumerLimits) -> None:
        self.connection = connection
        self.limits = limits
        super().__init__(
            connection.named(group),
            broker=[f"kafka://{server}" for server in connection.servers],
            broker_client_id=connection.client_id,
            ConsumerScheduler=ChunkScheduler,
            store="memory://",
            autodiscover=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            stream_buffer_maxsize=limits.buffered_chunks,
            stream_wait_empty=False,
            stream_recovery_delay=0.0,
            broker_session_timeout=limits.session_s,
            broker_request_timeout=max(limits.session_s + 1, 20.0),
            broker_rebalance_timeout=limits.rebalance_s,
        )

    def _new_transport(self) -> ChunkTransport:
        return ChunkTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Create none: there are no tables."""
