"""A post that comes whole is answered as one that comes in pieces, in order, on one connection."""

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web

from pipeline.ingest.live_events_http import quick_posts
from tests.support.canvas.endpoint_run import (
    BY_PATH,
    SECRET,
    SIGNED,
    SIGNER,
    Running,
    SlowPublisher,
    running,
)
from tests.support.canvas.https_delivery import as_body, canvas_event
from tests.support.waiting import until


def post(body: bytes, secret: str = SECRET, *lines: str) -> bytes:
    head = [f"POST /live-events/{secret} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}"]
    return "\r\n".join((*head, *lines, "\r\n")).encode() + body


def event(number: int) -> bytes:
    return post(as_body(canvas_event(number)))


@asynccontextmanager
async def connected(
    run: Running,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", run.endpoint.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"\r\nDate: " in head
    length = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
    assert length in ([], [b"Content-Length: 0"])
    return int(head.split()[1])


async def test_a_connection_takes_posts_whole_and_in_pieces_in_turn() -> None:
    async with running(BY_PATH) as run, connected(run) as (reader, writer):
        for number in range(6):
            sent = event(number)
            cut = len(sent) if number % 2 else 150
            writer.write(sent[:cut])
            await asyncio.sleep(0.02)
            writer.write(sent[cut:])
            assert await status(reader) == 204
        assert len(run.rows()) == 6


@pytest.mark.parametrize("pause_s", [0.0, 0.02])
async def test_posts_that_do_not_wait_for_their_answers_are_answered_in_order(
    pause_s: float,
) -> None:
    publisher = SlowPublisher()
    async with running(BY_PATH, publisher) as run, connected(run) as (reader, writer):
        for sent in (event(1), post(b"{}", "wrong"), event(2), post(b"{}", "wrong"), event(3)):
            writer.write(sent)
            await writer.drain()
            await asyncio.sleep(pause_s)
        publisher.go.set()
        assert [await status(reader) for _ in range(5)] == [204, 401, 204, 401, 204]
        assert len(run.rows()) == 3


async def test_a_refused_post_leaves_the_connection_as_it_was() -> None:
    async with running(SIGNED) as run, connected(run) as (reader, writer):
        for body, expected in ((b"{}", 401), (SIGNER.sign(canvas_event(1)), 204), (b"", 401)):
            writer.write(post(body).replace(f"/{SECRET}".encode(), b""))
            assert await status(reader) == expected


async def test_a_body_too_large_is_413_also_when_it_comes_whole() -> None:
    options = replace(BY_PATH, max_body_bytes=600)
    async with running(options) as run, connected(run) as (reader, writer):
        writer.write(post(b" " * 601))
        assert await status(reader) == 413
        writer.write(post(b"{}".ljust(600)))
        assert await status(reader) == 204


async def test_a_client_that_leaves_before_its_answer_leaves_its_event() -> None:
    publisher = SlowPublisher()
    async with running(BY_PATH, publisher) as run:
        async with connected(run) as (_, writer):
            writer.write(event(1))
            await until(lambda: run.tools.figures.waiting == 1)
        publisher.go.set()
        await until(lambda: run.requests["accepted"] == 1)
        assert len(run.rows()) == 1


async def test_an_answer_that_is_due_when_the_process_ends_is_given() -> None:
    publisher = SlowPublisher()
    async with running(BY_PATH, publisher) as run, connected(run) as (reader, writer):
        writer.write(event(1))
        await until(lambda: run.tools.figures.waiting == 1)
        ending = asyncio.ensure_future(run.endpoint.__aexit__(None, None, None))
        await asyncio.sleep(0.05)
        assert not ending.done()
        publisher.go.set()
        assert await status(reader) == 204
        await ending


HOOKS = (
    *("_request_parser", "_waiter", "_messages", "_keepalive", "_keepalive_handle"),
    *("_next_keepalive_close_time", "_process_keepalive"),
)
"""Private parts of aiohttp's server protocol that ``quick_posts`` relies on."""


@pytest.mark.parametrize("name", HOOKS)
def test_every_private_part_of_aiohttp_that_is_used_is_still_there(name: str) -> None:
    assert hasattr(web.RequestHandler, name)
    assert f"self.{name}" in inspect.getsource(quick_posts)
