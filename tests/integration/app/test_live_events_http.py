"""Events posted over HTTPS while the agent is killed and the broker goes away: none is lost."""

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from pipeline.domain.topics import LIVE_EVENTS
from pipeline.local.ports import free_port
from tests.support.canvas.https_delivery import HttpsDelivery, canvas_event
from tests.support.canvas.signing import Signer
from tests.support.clickhouse_http import ask
from tests.support.line import Line
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.crash]

KILLS = 20
POSTING = 16
"""Events that Canvas delivers at the same time."""

SIGNER = Signer()


class Agent:
    """The agent's process, at the same address after every start."""

    def __init__(self, line: Line) -> None:
        self.address = f"http://127.0.0.1:{line.variables['http_port']}/live-events"
        self._line = line
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "pipeline", "ingest", "live-events-http"]
        self._process = subprocess.Popen(command, env=self._line.environment)

    def end(self, number: int) -> int:
        """Send a signal; return the exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(120)

    async def ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(self.address.replace("/live-events", "/readyz")) as reply:
                return reply.status == 200
        except aiohttp.ClientError:
            return False


@pytest.fixture
def line(stack: Stack, topic_prefix: str, database: str, tmp_path: Path) -> Line:
    keys = tmp_path / "keys.json"
    keys.write_bytes(SIGNER.jwks())
    line = Line(stack, topic_prefix, database, http_port=str(free_port()), http_jwks=str(keys))
    line.create()
    return line


@contextmanager
def running(agent: Agent) -> Iterator[None]:
    agent.start()
    try:
        yield
    finally:
        agent.end(signal.SIGKILL)


def token(number: int) -> bytes:
    """Return the signed event of that number, of the present: only that is not late."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return SIGNER.sign(canvas_event(number, event_time=now))


def request_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012x}"


class Canvas:
    """Delivers one event after another, and knows what was acknowledged and what was given up."""

    def __init__(self, agent: Agent) -> None:
        self.acknowledged: set[str] = set()
        self.given_up: set[str] = set()
        self._agent = agent
        self._ended = asyncio.Event()
        self._numbers = iter(range(1 << 30))

    async def deliver_through_kills(self, rng: random.Random) -> None:
        """Deliver while the agent is killed ``KILLS`` times; end when it is up again."""
        async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
            delivery = HttpsDelivery(session, self._agent.address, pause_s=2.0)
            for _ in range(POSTING):
                group.create_task(self._deliver(delivery))
            for _ in range(KILLS):
                enough = len(self.acknowledged) + POSTING
                await until(lambda: len(self.acknowledged) >= enough)  # noqa: B023 - awaited here
                await asyncio.sleep(rng.uniform(0.0, 0.5))
                self._agent.end(signal.SIGKILL)
                self._agent.start()
            await until(lambda: self._agent.ready(session))
            self._ended.set()
            # What a kill makes twice is luck: this one is.
            number = next(self._numbers)
            twice = token(number)
            assert await delivery.deliver(twice)
            assert await delivery.deliver(twice)
            self.acknowledged.add(request_id(number))

    async def _deliver(self, delivery: HttpsDelivery) -> None:
        while not self._ended.is_set():
            number = next(self._numbers)
            arrived = await delivery.deliver(token(number))
            (self.acknowledged if arrived else self.given_up).add(request_id(number))


@pytest.mark.timeout(1800)
def test_nothing_acknowledged_is_lost_by_kills_and_copies_are_dropped_downstream(
    line: Line, stack: Stack, database: str
) -> None:
    agent = Agent(line)
    with running(agent):
        canvas = asyncio.run(_delivered(agent))
        assert agent.end(signal.SIGTERM) == 0
    records = [record["request_id"] for record in line.records(LIVE_EVENTS)]
    published = set(records)
    assert len(records) > len(published)
    assert len(canvas.acknowledged) >= KILLS * POSTING
    assert canvas.acknowledged <= published
    # What was published and not acknowledged came again, or its tries were used up.
    assert published <= canvas.acknowledged | canvas.given_up

    line.start("sessionize", "detect", "sink")
    try:
        line.caught_up(close=True)
    finally:
        line.stop()
    events = "SELECT count() FROM live_events"
    assert _ask(stack, database, events) == len(published)
    sessions = "SELECT sum(events) FROM sessions WHERE status = 'final'"
    assert _ask(stack, database, sessions) == len(published)


async def _delivered(agent: Agent) -> Canvas:
    canvas = Canvas(agent)
    await canvas.deliver_through_kills(random.Random(11))
    return canvas


def test_while_the_broker_is_away_posts_are_503_and_the_agent_lives_on(
    line: Line, stack: Stack
) -> None:
    async def deliver() -> None:
        async with aiohttp.ClientSession() as session:
            canvas = HttpsDelivery(session, agent.address)
            await until(lambda: agent.ready(session))
            assert await canvas.post(token(1)) == 204
            await asyncio.to_thread(stack.kafka.kill)
            try:
                patient = HttpsDelivery(session, agent.address, answer_s=60)
                assert await patient.post(token(2)) == 503
            finally:
                await asyncio.to_thread(stack.kafka.start)
            await until(lambda: agent.ready(session))
            assert await canvas.deliver(token(2))

    agent = Agent(line)
    with running(agent):
        asyncio.run(deliver())
        assert agent.end(signal.SIGTERM) == 0
    published = {record["request_id"] for record in line.records(LIVE_EVENTS)}
    assert published == {request_id(1), request_id(2)}


def _ask(stack: Stack, database: str, sql: str) -> int:
    reply = ask(stack.clickhouse_address, sql, database=database)
    assert reply.status == 200, reply.text
    return int(reply.text)
