"""One run: servers, agents and workers up; faults; rest; comparison."""

import asyncio
import contextlib
import json
import random
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pipeline.app.catching_up import close_event_time, wait_until_caught_up
from pipeline.app.settings import PREFIX
from pipeline.app.stages import STAGES
from pipeline.domain.feeds import Feed
from tests.chaos.agent import published, release
from tests.chaos.comparison import compare
from tests.chaos.faults import SESSION_S, WORKERS, Faults
from tests.chaos.fleet import Fleet, Wrong
from tests.chaos.load import PIECES, SPEAKING_FEEDS, make_load
from tests.chaos.reference import undisturbed
from tests.chaos.servers import Servers
from tests.chaos.waiting import until
from tests.chaos.watch import Watch
from tests.support.line import Line

BETWEEN_S: Final = (0.5, 5.0)
TEND_S: Final = 0.05
HOLD_S: Final = 12.0
"""Nothing was seen to move for so long: the next fault waits until something does."""

STILL_LIMIT_S: Final = 180.0
"""Nothing has moved for so long, and the brokers say so: the line hangs."""

SILENT_LIMIT_S: Final = 300.0
"""The brokers have answered nothing for so long; every one that is stopped is started again."""

FIRST_WINDOW_S: Final = 600.0
AGENTS_S: Final = 1200.0
CATCH_UP_S: Final = 1200.0
"""Bounds of the parts of a run on a machine with much else to do; a line that hangs ends sooner."""

Say = Callable[[str], None]


@dataclass
class Outcome:
    """What a run did and found; ``problems`` are paragraphs for a person."""

    seed: int
    rounds: int
    faults: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    openings: list[float] = field(default_factory=list)
    fencings: int = 0
    starts: int = 0
    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    faults_s: float = 0.0
    rest_s: float = 0.0
    longest_still_s: float = 0.0
    problems: list[str] = field(default_factory=list)


class Driver:
    """Everything of one run lies in ``directory``."""

    def __init__(self, directory: Path, rounds: int, seed: int, say: Say) -> None:
        self.outcome = Outcome(seed, rounds)
        self._directory = directory
        self._dice = random.Random(seed)
        self._say = say
        self._servers = Servers(directory)
        self._logs = directory / "logs"
        self._fleet = Fleet(self._logs)
        self._added: Counter[str] = Counter()
        self._released = 0

    def run(self) -> Outcome:
        """Run to the end; the caller closes. Raises Wrong, and what a server's start raises."""
        self._logs.mkdir(parents=True)
        self._say("making the input")
        self._load = make_load(self._directory, self.outcome.rounds, self.outcome.seed)
        self._say(f"{self._load.lines:,} lines in {self._load.pieces} pieces; starting servers")
        self._servers.start()
        self.line = _line(self._servers, self._directory)
        self.line.create()
        asyncio.run(self._disturbed())
        self._say("comparing with an undisturbed run")
        self.expected = undisturbed(self.line.settings, self._load)
        tallies = self.expected.tallies.values()
        self.outcome.rows = sum(tally.consumed for tally in tallies)
        late = sum(tally.late for tally in tallies)
        if late != self._load.late:
            raise Wrong(f"{self._load.late} late rows were made, an undisturbed run has {late}")
        self.outcome.problems += compare(self.line.settings, self.expected)
        return self.outcome

    def close(self) -> None:
        """End every process; the directory stays."""
        self._fleet.kill_all()
        self._servers.stop()
        outcome, fleet = self.outcome, self._fleet
        outcome.ends, outcome.reasons = fleet.ends, fleet.reasons
        if self._logs.exists():
            outcome.openings = fleet.openings()
            outcome.fencings = fleet.fencings()
        outcome.starts = sum(member.starts for member in fleet.members)

    async def _disturbed(self) -> None:
        self._release(PIECES)
        for feed in SPEAKING_FEEDS:
            self._agent(feed)
        for stage, (fewest, _) in WORKERS.items():
            for _ in range(fewest):
                self._worker(stage)
        faults = Faults(self._dice, self._fleet, self._servers, self._worker)
        watch = self._watch = Watch(self.line.settings, self._outside)
        tending = [
            asyncio.create_task(self._tend(faults, watch)),
            asyncio.create_task(watch.run()),
        ]
        story = asyncio.create_task(self._story(faults, watch))
        try:
            await asyncio.wait([story, *tending], return_when=asyncio.FIRST_COMPLETED)
            for each in (story, *tending):
                if each.done():
                    each.result()
        finally:
            for each in (story, *tending):
                each.cancel()
            await asyncio.gather(story, *tending, return_exceptions=True)
            await faults.abandon()
            self.outcome.longest_still_s = watch.longest_s
        self._fleet.ask_all_to_leave()

    async def _story(self, faults: Faults, watch: Watch) -> None:
        self._say("reading the first window")
        async with _within(FIRST_WINDOW_S, "the first window was not read"):
            await until(lambda: self._outside()[0] == self._outside()[1])
            await self._caught_up()
        began = time.monotonic()
        for number in range(1, self.outcome.rounds + 1):
            share = number / self.outcome.rounds
            self._release(PIECES + round((self._load.pieces - PIECES) * share))
            await asyncio.sleep(self._dice.uniform(*BETWEEN_S))
            await until(lambda: watch.unseen_s < HOLD_S)
            name = faults.inject()
            self.outcome.faults[name] += 1
            self._say(f"{time.monotonic() - began:7.1f} s  {number:4}  {name}")
        await faults.healed()
        self.outcome.faults_s = time.monotonic() - began
        self._say(f"{self.outcome.rounds} faults in {self.outcome.faults_s:.0f} s; at rest")
        began = time.monotonic()
        async with _within(AGENTS_S, "the agents did not end"):
            await until(lambda: all(member.done for member in self._fleet.of("agent")))
        async with _within(CATCH_UP_S, "the line did not catch up"):
            await self._caught_up()
            await close_event_time(self.line.settings)
            await self._caught_up()
        self.outcome.rest_s = time.monotonic() - began

    async def _tend(self, faults: Faults, watch: Watch) -> None:
        while True:
            self._fleet.look()
            faults.check()
            if watch.still_s > STILL_LIMIT_S:
                raise Wrong(f"nothing has moved for {STILL_LIMIT_S:.0f} s")
            if watch.silent_s > SILENT_LIMIT_S:
                raise Wrong(f"the brokers have not answered for {SILENT_LIMIT_S:.0f} s")
            await asyncio.sleep(TEND_S)

    async def _caught_up(self) -> None:
        await wait_until_caught_up(self.line.settings, STAGES, lambda: None, lambda *_: None)

    def _outside(self) -> tuple[int, int]:
        """Return how many files are published and how many are released."""
        done = sum(published(self._directory, feed) for feed in SPEAKING_FEEDS)
        return done, self._released * len(SPEAKING_FEEDS)

    def _release(self, pieces: int) -> None:
        self._released = pieces
        release(self._directory, pieces)

    def _agent(self, feed: Feed) -> None:
        arguments = [feed, str(self._directory), str(self._load.pieces)]
        self._fleet.add(
            f"agent-{feed}",
            [sys.executable, "-m", "tests.chaos.agent", *arguments],
            self.line.environment,
            ends=True,
        )

    def _worker(self, stage: str) -> None:
        """Start another worker; every other one is a static member of its group (KIP-345)."""
        self._added[stage] += 1
        number = self._added[stage]
        environment = dict(self.line.environment)
        if number % 2:
            environment[f"{PREFIX}GROUP_INSTANCE_ID"] = f"{stage}-{number}"
        command = [sys.executable, "-m", "pipeline", "run", stage]
        self._fleet.add(f"{stage}-{number}", command, environment)


def _line(servers: Servers, directory: Path) -> Line:
    spool = directory / "spool"
    return Line(
        servers,
        "chaos.",
        "chaos",
        log_level="info",
        feeds=json.dumps(SPEAKING_FEEDS),
        session_timeout_s=str(SESSION_S),
        # Silence comes from faults here, never from a source.
        live_events_idle_minutes="100000",
        web_logs_idle_minutes="100000",
        spool_dir=str(spool),
    )


@contextlib.asynccontextmanager
async def _within(seconds: float, otherwise: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise Wrong(f"{otherwise} within {seconds:.0f} s") from None
