"""What may go wrong, each drawn from the seed; what it stops, it brings back later."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from tests.chaos.fleet import Fleet, Member
from tests.chaos.servers import Servers
from tests.support.stack import Control

SESSION_S: Final = 6.0
"""The group's session timeout: a worker that is silent longer loses its partitions."""

WORKERS: Final = {"sessionize": (2, 4), "detect": (1, 2), "sink": (1, 2)}
"""Fewest and most workers of each stage."""

FROZEN_S: Final = (SESSION_S + 1, 2 * SESSION_S)
DOWN_S: Final = (0.0, 5.0)
SILENT_S: Final = (0.5, 8.0)
MOST_FROZEN: Final = 2

CARDS: Final = {
    "kill a worker": 7,
    "end a worker": 4,
    "freeze a worker": 4,
    "a worker more": 2,
    "a worker less": 2,
    "kill a stage": 2,
    "kill all workers": 1,
    "stop Kafka": 1,
    "kill Kafka": 2,
    "stop ClickHouse": 1,
    "kill ClickHouse": 2,
    "cut all connections": 2,
    "silence all connections": 1,
    "kill an agent": 4,
}
"""How often each comes before the cards are shuffled anew."""

Add = Callable[[str], None]


class Faults:
    """Injects faults by name. ``add`` starts another worker of a stage."""

    def __init__(self, dice: random.Random, fleet: Fleet, servers: Servers, add: Add) -> None:
        self._dice = dice
        self._fleet = fleet
        self._servers = servers
        self._add = add
        self._down: set[str] = set()
        self._healing: set[asyncio.Task[None]] = set()
        self._deck = self._cards()
        self._by_name: dict[str, Callable[[], bool]] = {
            "kill a worker": lambda: self._signal(signal.SIGKILL),
            "end a worker": lambda: self._signal(signal.SIGTERM),
            "freeze a worker": self._freeze,
            "a worker more": self._more,
            "a worker less": self._less,
            "kill a stage": self._kill_stage,
            "kill all workers": self._kill_all,
            "stop Kafka": lambda: self._server("kafka", servers.kafka, servers.kafka.stop),
            "kill Kafka": lambda: self._server("kafka", servers.kafka, servers.kafka.kill),
            "stop ClickHouse": lambda: self._server(
                "clickhouse", servers.clickhouse, servers.clickhouse.stop
            ),
            "kill ClickHouse": lambda: self._server(
                "clickhouse", servers.clickhouse, servers.clickhouse.kill
            ),
            "cut all connections": self._cut,
            "silence all connections": self._silence,
            "kill an agent": self._kill_agent,
        }
        assert set(self._by_name) == set(CARDS)

    def inject(self) -> str:
        """Let the next fault happen that can happen now; return its name."""
        while True:
            name = next(self._deck)
            if self._by_name[name]():
                return name

    def check(self) -> None:
        """Raise what went wrong while something was brought back."""
        for task in [each for each in self._healing if each.done()]:
            self._healing.discard(task)
            task.result()

    async def healed(self) -> None:
        """Wait until everything is back."""
        await asyncio.gather(*self._healing)
        self.check()

    async def abandon(self) -> None:
        """Bring nothing back any more."""
        for task in self._healing:
            task.cancel()
        await asyncio.gather(*self._healing, return_exceptions=True)

    def _cards(self) -> Iterator[str]:
        while True:
            deck = [name for name, weight in CARDS.items() for _ in range(weight)]
            self._dice.shuffle(deck)
            yield from deck

    def _workers(self) -> list[Member]:
        return [each for stage in WORKERS for each in self._fleet.of(stage) if each.running]

    def _signal(self, number: signal.Signals) -> bool:
        workers = self._workers()
        if workers:
            self._dice.choice(workers).send(number)
        return bool(workers)

    def _freeze(self) -> bool:
        workers = self._workers()
        if not workers or sum(each.frozen for each in self._fleet.members) >= MOST_FROZEN:
            return False
        worker = self._dice.choice(workers)
        process = worker.process
        worker.send(signal.SIGSTOP)

        async def thaw() -> None:
            if worker.process is process:
                worker.send(signal.SIGCONT)

        self._later(self._dice.uniform(*FROZEN_S), thaw)
        return True

    def _more(self) -> bool:
        short = [stage for stage, (_, most) in WORKERS.items() if len(self._fleet.of(stage)) < most]
        if short:
            self._add(self._dice.choice(short))
        return bool(short)

    def _less(self) -> bool:
        rich = [
            stage for stage, (fewest, _) in WORKERS.items() if len(self._fleet.of(stage)) > fewest
        ]
        if rich:
            worker = self._dice.choice(self._fleet.of(self._dice.choice(rich)))
            worker.retired = True
            worker.send(signal.SIGCONT)
            worker.send(self._dice.choice((signal.SIGTERM, signal.SIGKILL)))
        return bool(rich)

    def _kill_stage(self) -> bool:
        for worker in self._fleet.of(self._dice.choice(list(WORKERS))):
            worker.send(signal.SIGKILL)
        return True

    def _kill_all(self) -> bool:
        for stage in WORKERS:
            for worker in self._fleet.of(stage):
                worker.send(signal.SIGKILL)
        return True

    def _kill_agent(self) -> bool:
        agents = [each for each in self._fleet.of("agent") if each.running and not each.done]
        if agents:
            self._dice.choice(agents).send(signal.SIGKILL)
        return bool(agents)

    def _cut(self) -> bool:
        self._servers.proxy.cut()
        return True

    def _silence(self) -> bool:
        if "network" in self._down:
            return False
        self._down.add("network")
        self._servers.proxy.silence()

        async def speak() -> None:
            self._servers.proxy.speak()
            self._down.discard("network")

        self._later(self._dice.uniform(*SILENT_S), speak)
        return True

    def _server(self, name: str, server: Control, end: Callable[[], None]) -> bool:
        if name in self._down:
            return False
        self._down.add(name)
        down_s = self._dice.uniform(*DOWN_S)

        async def again() -> None:
            await asyncio.to_thread(end)
            await asyncio.sleep(down_s)
            await asyncio.to_thread(server.start)
            self._down.discard(name)

        self._later(0.0, again)
        return True

    def _later(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        async def waited() -> None:
            await asyncio.sleep(seconds)
            await work()

        self._healing.add(asyncio.create_task(waited()))
