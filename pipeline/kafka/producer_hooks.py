"""Everything of aiokafka's producer that is not public and that this room relies on.

``AIOKafkaProducer.send_batch`` is public and takes a ``BatchBuilder``; the accumulator calls five
methods of it: ``record_count``, ``closed``, ``close``, ``_set_producer_state`` and ``_build``.
``ReadyBatch`` answers these five. A producer that does not stop in time is taken apart through
``_message_accumulator.fail_all``, ``_sender.sender_task`` and ``client.close``. How long a
transaction waits for the markers of the one before is ``sender.BACKOFF_OVERRIDE``. A contract test
names each of them. Apart from the consumer's hooks, so that agents need not import Faust.
"""

import asyncio
import contextlib
from typing import Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import ProducerClosed
from aiokafka.producer import sender

from pipeline.kafka import frame_hooks  # noqa: F401 - answers come whole
from pipeline.kafka.ready_batch import HEADER_BYTES, record_batch

HOOKS: Final = {
    "aiokafka.producer.message_accumulator:BatchBuilder": (
        "record_count",
        "closed",
        "close",
        "size",
        "_set_producer_state",
        "_build",
    ),
    "aiokafka.producer.message_accumulator:MessageAccumulator": (
        "add_batch",
        "_pop_batch",
        "fail_all",
    ),
    "aiokafka.producer.sender:Sender": ("sender_task", "close"),
    "aiokafka:AIOKafkaProducer": (
        "send_batch",
        "_message_accumulator",
        "_sender",
    ),
}
"""Class → attributes; held against the installed version by a contract test."""

_CANCELS: Final = 8

MARKERS_S: Final = 0.002
"""Pause before a transaction is begun again while the markers of the one before are written.

aiokafka's is 20 ms. One after the other, transactions took 33 ms with it (p90, a broker just
started; 9.5 ms later), and 14 ms with this (7.7 ms).
"""

sender.BACKOFF_OVERRIDE = MARKERS_S


class ReadyBatch:
    """A finished batch in the shape of aiokafka's ``BatchBuilder``.

    Header, CRC and compression are made when the sender takes it, so a large flush is not held
    twice in memory.
    """

    __slots__ = ("_body", "_built", "_count", "_producer", "_timestamp_ms")

    def __init__(self, count: int, body: bytes | memoryview, timestamp_ms: int) -> None:
        self._count = count
        self._body: bytes | memoryview = body
        self._timestamp_ms = timestamp_ms
        self._producer = (-1, -1, -1)
        self._built: bytes | None = None

    def record_count(self) -> int:
        """Return the number of records: it moves the producer's sequence."""
        return self._count

    def size(self) -> int:
        """Return the bytes before compression."""
        return HEADER_BYTES + len(self._body)

    def closed(self) -> bool:
        """Return true: nothing can be appended, so the sender does not linger."""
        return True

    def close(self) -> None:
        """Accept; it is closed from the start."""

    def _set_producer_state(
        self, producer_id: int, producer_epoch: int, base_sequence: int
    ) -> None:
        self._producer = (producer_id, producer_epoch, base_sequence)

    def _build(self) -> bytes:
        """Return the same bytes on every try: a retry must not differ from its first attempt."""
        if self._built is None:
            self._built = record_batch(
                self._count, self._body, timestamp_ms=self._timestamp_ms, producer=self._producer
            )
            self._body = b""
        return self._built


async def stop_producer(producer: AIOKafkaProducer, limit_s: float) -> None:
    """Stop a producer within a limit, whatever state it and its broker are in.

    ``stop`` waits for undelivered batches, which a dead broker never takes.
    """
    try:
        async with asyncio.timeout(limit_s):
            await producer.stop()
    except Exception:  # noqa: BLE001 - it is given up in any case; its owner has the reason
        await _take_apart(producer, limit_s)


async def _take_apart(producer: AIOKafkaProducer, limit_s: float) -> None:
    """Fail what waits for delivery and end the background tasks, so that none outlives it."""
    producer._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001
    task = producer._sender.sender_task  # noqa: SLF001
    for _ in range(_CANCELS):
        if task is None or task.done():
            break
        # Cancelled once, it waits for its own tasks; cancelled again, it cancels those.
        task.cancel()
        await asyncio.wait([task], timeout=limit_s / _CANCELS)
    with contextlib.suppress(Exception):
        async with asyncio.timeout(limit_s):
            await producer.client.close()
