"""Events on an SQS queue while the agent is killed and the broker goes away: none is lost."""

import asyncio
import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count, islice

import pytest

from pipeline.domain.topics import LIVE_EVENTS
from tests.support.canvas.https_delivery import canvas_event
from tests.support.canvas.sqs_server import CREDENTIALS, REGION, SqsServer, sqs_server
from tests.support.clickhouse_http import ask
from tests.support.line import Line
from tests.support.stack import Stack
from tests.support.waiting import until

pytestmark = [pytest.mark.stack, pytest.mark.crash]

KILLS = 20
EACH = 60
"""Events put on the queue before each kill."""
COPIES = 5


class Queue:
    """A queue, and what was put on it."""

    def __init__(self, server: SqsServer) -> None:
        self._server = server
        self._numbers = count()
        self.address = server.create("crashes")
        self.endpoint = server.endpoint
        self.put_ids: set[str] = set()
        self._last: list[str] = []

    def put(self, events: int) -> None:
        """Put events of the present on it: only they are not late."""
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        documents = [canvas_event(n, event_time=now) for n in islice(self._numbers, events)]
        self._last = [json.dumps(document) for document in documents]
        self._server.put(self.address, self._last)
        self.put_ids |= {document["metadata"]["request_id"] for document in documents}

    def put_again(self, events: int) -> None:
        """Put copies of the last events on it."""
        self._server.put(self.address, self._last[:events])

    async def empty(self) -> bool:
        return await asyncio.to_thread(self._server.left, self.address) == (0, 0)

    async def being_read(self) -> bool:
        waiting, _ = await asyncio.to_thread(self._server.left, self.address)
        return waiting < EACH


@pytest.fixture
def queue() -> Iterator[Queue]:
    with sqs_server() as server:
        yield Queue(server)


@pytest.fixture
def line(stack: Stack, topic_prefix: str, database: str, queue: Queue) -> Line:
    line = Line(
        stack,
        topic_prefix,
        database,
        sqs_queue_url=queue.address,
        sqs_region=REGION,
        sqs_endpoint_url=queue.endpoint,
        sqs_receivers="2",
        sqs_wait_s="1",
        sqs_visibility_s="10",
    )
    line.create()
    return line


@contextmanager
def started(line: Line) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "pipeline", "ingest", "live-events-sqs"]
    process = subprocess.Popen(command, env={**line.environment, **CREDENTIALS})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def ended(process: "subprocess.Popen[bytes]") -> int:
    process.send_signal(signal.SIGTERM)
    return process.wait(120)


async def published(line: Line) -> list[str]:
    """Return the request of every record, copies included."""
    records = await asyncio.to_thread(line.records, LIVE_EVENTS)
    return [record["request_id"] for record in records]


@pytest.mark.timeout(1800)
async def test_nothing_is_lost_by_kills_and_copies_are_dropped_downstream(
    line: Line, queue: Queue, stack: Stack, database: str
) -> None:
    rng = random.Random(7)
    for _ in range(KILLS):
        with started(line) as process:
            await asyncio.to_thread(queue.put, EACH)
            await until(queue.being_read)
            await asyncio.sleep(rng.uniform(0.0, 0.5))
            assert process.poll() is None
    with started(line) as process:
        await until(queue.empty)
        # What a kill makes twice is luck: these are.
        await asyncio.to_thread(queue.put_again, COPIES)
        await until(queue.empty)
        assert ended(process) == 0
    records = await published(line)
    assert set(records) == queue.put_ids
    assert len(records) >= len(queue.put_ids) + COPIES

    line.start("sessionize", "detect", "sink")
    try:
        await asyncio.to_thread(line.caught_up, close=True)
    finally:
        line.stop()
    wanted = KILLS * EACH
    assert _ask(stack, database, "SELECT count() FROM live_events") == wanted
    sessions = "SELECT sum(events) FROM sessions WHERE status = 'final'"
    assert _ask(stack, database, sessions) == wanted


async def test_while_the_broker_is_away_messages_stay_on_the_queue(
    line: Line, queue: Queue, stack: Stack
) -> None:
    with started(line) as process:
        await asyncio.to_thread(queue.put, 5)
        await until(queue.empty)
        await asyncio.to_thread(stack.kafka.kill)
        try:
            await asyncio.to_thread(queue.put, 5)
            await asyncio.sleep(3.0)
            assert not await queue.empty()
        finally:
            await asyncio.to_thread(stack.kafka.start)
        await until(queue.empty)
        assert ended(process) == 0
    assert set(await published(line)) == queue.put_ids


def _ask(stack: Stack, database: str, sql: str) -> int:
    reply = ask(stack.clickhouse_address, sql, database=database)
    assert reply.status == 200, reply.text
    return int(reply.text)
