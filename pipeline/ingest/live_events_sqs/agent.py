"""Live Events from an SQS queue → transactions → deleted messages.

A message is deleted after Kafka has acknowledged its event or its dead letter: a killed process
loses nothing, the queue gives its messages again, and what was published twice is dropped
downstream by its event key.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from pipeline.codecs.live_event_rows import RawEvent, location_with_name
from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.ingest.live_batches import LiveBatches, LiveBatchOptions, QueueFull
from pipeline.ingest.live_events_sqs.in_flight import InFlight
from pipeline.ingest.live_events_sqs.options import PER_REQUEST, SqsOptions
from pipeline.ingest.live_events_sqs.queue import Message, SqsQueue, open_queue
from pipeline.ingest.tools import AgentTools

_FULL_PAUSE_S: Final = 0.05
"""Time after which a full queue of waiting events is tried again."""

_LAST_RECEIVE_S: Final = 1.0
"""Time for requests under way when the agent ends: where there are messages they are answered."""


async def run_live_events_sqs(tools: AgentTools, options: SqsOptions) -> None:
    """Publish what the queue gives until ``stopping`` is set.

    Raises Unavailable (SQS or Kafka), OurMistake (no such queue, no rights, no credentials),
    TooManyBadRecords, and what the publisher raises. Messages that are not published by then are
    given back to the queue.
    """
    async with open_queue(options) as queue:
        await _Agent(tools, queue, options).run()


class _Agent:
    def __init__(self, tools: AgentTools, queue: SqsQueue, options: SqsOptions) -> None:
        self._tools = tools
        self._figures = tools.figures
        self._queue = queue
        self._options = options
        self._in_flight = InFlight(queue, tools.figures, options.visibility_s)
        self._room = asyncio.Semaphore(max(options.max_in_flight // PER_REQUEST, 1))
        self._settling: set[asyncio.Task[None]] = set()
        self._refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._empty = False
        self._ending = False
        self._batches = LiveBatches(
            tools,
            options.source,
            LiveBatchOptions(
                max_waiting=max(options.max_in_flight, PER_REQUEST),
                mark_every_s=options.mark_every_s,
                max_bad_share=options.max_bad_share,
                record_limit=options.record_limit,
            ),
            source_empty=lambda: self._empty,
        )

    async def run(self) -> None:
        """Receive, publish, delete; on the way out publish and delete what was received."""
        # A short look first: what is wrong with queue or credentials is known at once.
        self._take(await self._queue.receive(wait_s=0, visibility_s=self._options.visibility_s))
        self._figures.ready = True
        publishing = asyncio.create_task(self._batches.run())
        receiving = [asyncio.create_task(self._receive()) for _ in range(self._options.receivers)]
        keeping = asyncio.create_task(self._in_flight.keep())
        stopping = asyncio.create_task(self._tools.stopping.wait())
        watched: list[asyncio.Future[Any]] = [publishing, keeping, self._refused, *receiving]
        watched.append(stopping)
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            publishing.cancel()
            raise
        finally:
            self._figures.ready = False
            self._ending = True
            # Messages of a request that is cut off stay hidden until their visibility timeout.
            await asyncio.wait(receiving, timeout=_LAST_RECEIVE_S)
            await _cancelled(stopping, *receiving)
            self._batches.close()
            await asyncio.wait((publishing,))
            if self._settling:
                await asyncio.wait(self._settling)
            await _cancelled(keeping)
        self._refused.cancel()
        for ended in watched:
            if not ended.cancelled() and (error := ended.exception()) is not None:
                raise error

    async def _receive(self) -> None:
        """Ask for messages again and again, while there is room for them."""
        options = self._options
        while not self._ending:
            await self._room.acquire()
            try:
                messages = await self._queue.receive(
                    wait_s=options.wait_s, visibility_s=options.visibility_s
                )
            except BaseException:
                self._room.release()
                raise
            self._empty = not messages
            self._take(messages, held_room=True)

    def _take(self, messages: Sequence[Message], *, held_room: bool = False) -> None:
        self._figures.requests["receive" if messages else "receive_empty"] += 1
        if not messages:
            if held_room:
                self._room.release()
            return
        task = asyncio.create_task(self._settle(messages, held_room=held_room))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settle(self, messages: Sequence[Message], *, held_room: bool) -> None:
        """See messages published, and delete them; give back those that were not."""
        number = self._in_flight.hold(messages)
        try:
            outcomes = await asyncio.gather(
                *[await self._offered(message) for message in messages], return_exceptions=True
            )
            done = list(zip(messages, outcomes, strict=True))
            await self._delete([message for message, error in done if error is None])
            self._in_flight.let_go(number)
            await self._give_back([message for message, error in done if error is not None])
        except OurMistake as error:
            # No right to delete: going on would publish the same messages for ever.
            if not self._refused.done():
                self._refused.set_exception(error)
        finally:
            self._in_flight.let_go(number)
            if held_room:
                self._room.release()

    async def _offered(self, message: Message) -> "asyncio.Future[Any]":
        location = location_with_name(message.number, message.name)
        raw = RawEvent(message.body.encode(errors="replace"), location, message.name)
        while True:
            try:
                return self._batches.offer(raw)
            except QueueFull:
                await asyncio.sleep(_FULL_PAUSE_S)
            except Unavailable as error:
                failed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
                failed.set_exception(error)
                return failed

    async def _delete(self, messages: Sequence[Message]) -> None:
        """Delete messages; one that is not comes again, and is dropped downstream."""
        if not messages:
            return
        try:
            failed = await self._queue.delete(messages)
        except Unavailable:
            failed = len(messages)
        self._figures.requests["delete"] += 1
        self._figures.requests["delete_failed"] += failed

    async def _give_back(self, messages: Sequence[Message]) -> None:
        """Let messages be received again now, not when their visibility timeout is over."""
        if not messages:
            return
        self._figures.requests["give_back"] += 1
        try:
            await self._queue.hide(messages, 0)
        except Unavailable:
            self._figures.requests["give_back_failed"] += len(messages)


async def _cancelled(*tasks: "asyncio.Task[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
