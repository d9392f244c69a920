"""Messages received and not deleted, and until when nobody else is given them."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.domain.errors import Unavailable
from pipeline.ingest.figures import AgentFigures
from pipeline.ingest.live_events_sqs.queue import Message, SqsQueue


class _Held(NamedTuple):
    messages: Sequence[Message]
    until: float


class InFlight:
    """Keeps messages hidden for as long as they are held.

    SQS gives a message again when its visibility timeout is over; a publish that waits for Kafka
    may take longer. A message that could not be hidden further is given again, and dropped
    downstream as a duplicate.
    """

    def __init__(self, queue: SqsQueue, figures: AgentFigures, visibility_s: int) -> None:
        self._queue = queue
        self._figures = figures
        self._visibility_s = visibility_s
        self._held: dict[int, _Held] = {}
        self._next = 0

    def hold(self, messages: Sequence[Message]) -> int:
        """Take messages that were just received; return a number to let them go with."""
        self._next += 1
        self._held[self._next] = _Held(messages, self._hidden_until())
        return self._next

    def let_go(self, number: int) -> None:
        """Keep these messages hidden no longer."""
        self._held.pop(number, None)

    async def keep(self) -> None:
        """Hide what would be given again soon, for ever. Raises OurMistake."""
        while True:
            await asyncio.sleep(self._visibility_s / 4)
            soon = self._now() + self._visibility_s / 2
            for number, held in list(self._held.items()):
                if held.until < soon:
                    await self._hide(number, held.messages)

    async def _hide(self, number: int, messages: Sequence[Message]) -> None:
        until = self._hidden_until()
        try:
            failed = await self._queue.hide(messages, self._visibility_s)
        except Unavailable:
            failed = len(messages)
        self._figures.requests["extend"] += 1
        self._figures.requests["extend_failed"] += failed
        if number in self._held:
            self._held[number] = _Held(messages, until)

    def _hidden_until(self) -> float:
        return self._now() + self._visibility_s

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
