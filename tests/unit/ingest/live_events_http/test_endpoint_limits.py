"""What is slow, too much or broken off: no event is answered 2xx that Kafka does not have."""

import asyncio
import contextlib
import gzip
from collections import Counter
from dataclasses import replace

import pytest

from pipeline.domain.errors import Unavailable
from pipeline.ingest.live_batches import LiveBatchOptions
from tests.support.canvas.endpoint_run import (
    BY_PATH,
    SECRET,
    SIGNED,
    SIGNER,
    SlowPublisher,
    running,
)
from tests.support.canvas.https_delivery import as_body, canvas_event
from tests.support.memory_publisher import MemoryPublisher
from tests.support.waiting import until


async def test_nothing_is_answered_before_kafka_has_acknowledged() -> None:
    publisher = SlowPublisher()
    async with running(publisher=publisher) as run:
        answer = asyncio.ensure_future(run.canvas.post(SIGNER.sign(canvas_event(1))))
        await until(lambda: run.tools.figures.waiting == 1)
        assert not answer.done()
        publisher.go.set()
        assert await answer == 204


async def test_what_kafka_does_not_acknowledge_in_time_is_503() -> None:
    publisher = SlowPublisher()
    async with running(replace(SIGNED, answer_s=0.2), publisher) as run:
        assert await run.canvas.post(SIGNER.sign(canvas_event(1))) == 503
        assert run.requests == {"not_in_time": 1}
        publisher.go.set()


async def test_a_failed_transaction_is_503_and_the_next_publisher_takes_the_retry() -> None:
    publisher = MemoryPublisher()
    publisher.fail_before = {1}
    async with running(publisher=publisher) as run:
        token = SIGNER.sign(canvas_event(1))
        assert await run.canvas.post(token) == 503
        with pytest.raises(Unavailable):
            await run.work
        assert not run.endpoint.ready
        assert await run.canvas.post(token) == 503
        again = asyncio.ensure_future(run.endpoint.work(run.tools))
        await until(lambda: run.endpoint.ready)
        assert await run.canvas.deliver(token)
        run.tools.stopping.set()
        await again
        assert len(run.rows()) == 1
        assert run.requests == {"not_published": 1, "not_ready": 1, "accepted": 1}


async def test_a_full_queue_is_503() -> None:
    publisher = SlowPublisher()
    options = replace(SIGNED, batches=LiveBatchOptions(max_waiting=2, max_batch=1))
    async with running(options, publisher) as run:
        posts = [
            asyncio.ensure_future(run.canvas.post(SIGNER.sign(canvas_event(number))))
            for number in range(8)
        ]
        await until(lambda: run.requests["busy"] > 0)
        publisher.go.set()
        statuses = Counter(await asyncio.gather(*posts))
        assert set(statuses) == {204, 503}
        assert statuses[204] == len(run.rows())
        assert statuses[503] == run.requests["busy"]


async def test_more_posts_at_once_than_allowed_are_503() -> None:
    publisher = SlowPublisher()
    async with running(replace(SIGNED, max_posts=1), publisher) as run:
        first = asyncio.ensure_future(run.canvas.post(SIGNER.sign(canvas_event(1))))
        await until(lambda: run.tools.figures.waiting == 1)
        assert await run.canvas.post(SIGNER.sign(canvas_event(2))) == 503
        publisher.go.set()
        assert await first == 204


async def test_a_body_that_is_too_large_is_413() -> None:
    async with running(replace(BY_PATH, max_body_bytes=5000)) as run:
        body = as_body(canvas_event(1))
        assert await run.canvas.post(body.ljust(5000), path=f"/{SECRET}") == 204
        assert await run.canvas.post(body.ljust(5001), path=f"/{SECRET}") == 413
        assert await run.canvas.post(body.ljust(50_000), path=f"/{SECRET}") == 413


async def test_a_small_body_that_unpacks_to_too_much_is_413() -> None:
    async with running(replace(BY_PATH, max_body_bytes=50_000)) as run:
        packed = {"Content-Encoding": "gzip"}
        small = gzip.compress(as_body(canvas_event(1)))
        assert await run.canvas.post(small, packed, f"/{SECRET}") == 204
        bomb = gzip.compress(b" " * 20_000_000)
        assert await run.canvas.post(bomb, packed, f"/{SECRET}") == 413


async def test_a_body_that_does_not_come_is_408() -> None:
    async with running(replace(BY_PATH, body_s=0.1)) as run:
        reader, writer = await asyncio.open_connection("127.0.0.1", run.endpoint.port)
        head = f"POST /live-events/{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"
        writer.write(head.encode() + b"{")
        assert b" 408 " in await reader.readline()
        writer.close()


@pytest.mark.parametrize("said", [b"", b"POST /live-ev"])
async def test_a_connection_that_asks_for_nothing_is_closed(said: bytes) -> None:
    async with running(replace(BY_PATH, head_s=0.1)) as run:
        reader, writer = await asyncio.open_connection("127.0.0.1", run.endpoint.port)
        writer.write(said)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


async def test_a_connection_that_was_used_lives_on() -> None:
    async with running(replace(SIGNED, head_s=2.0)) as run:
        reader, writer = await asyncio.open_connection("127.0.0.1", run.endpoint.port)
        for pause_s in (2.5, 0.0):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"alive\n")
            await asyncio.sleep(pause_s)
        writer.close()


async def test_a_body_that_breaks_off_is_not_published() -> None:
    async with running(BY_PATH) as run:
        _, writer = await asyncio.open_connection("127.0.0.1", run.endpoint.port)
        head = f"POST /live-events/{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
        writer.write(head.encode() + as_body(canvas_event(1))[:100])
        await writer.drain()
        writer.close()
        await until(lambda: run.requests["broken_body"] == 1)
        assert not run.rows()
