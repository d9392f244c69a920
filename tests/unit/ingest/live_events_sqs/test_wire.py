"""Requests are signed as AWS asks, and what fails in passing is tried again."""

import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.ingest.live_events_sqs.wire import SqsWire

SECRET = "nothing"


class Keys(NamedTuple):
    """Credentials that never change, as an AWS session gives them."""

    access_key: str = "nobody"
    secret_key: str = SECRET
    token: str | None = "of a role"

    async def get_frozen_credentials(self) -> "Keys":
        return self


class Answers:
    """Gives the answers of a list, the last one again and again; keeps the requests."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        self._answers = list(answers)
        self.signed: list[bool] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.signed.append(rightly_signed(request, await request.read()))
        status, text = self._answers[min(len(self.signed), len(self._answers)) - 1]
        return web.Response(status=status, text=text)


def rightly_signed(request: web.Request, body: bytes) -> bool:
    """Signature Version 4, from what arrived, as AWS's page on it says."""
    _, _, fields = request.headers["Authorization"].partition("AWS4-HMAC-SHA256 ")
    parts = dict(field.strip().split("=", 1) for field in fields.split(","))
    names = parts["SignedHeaders"].split(";")
    heads = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
    asked = f"{request.method}\n{request.path}\n\n{heads}\n{parts['SignedHeaders']}\n"
    asked += hashlib.sha256(body).hexdigest()
    who, scope = parts["Credential"].split("/", 1)
    text = f"AWS4-HMAC-SHA256\n{request.headers['X-Amz-Date']}\n{scope}\n"
    text += hashlib.sha256(asked.encode()).hexdigest()
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    wanted = hmac.digest(key, text.encode(), "sha256").hex()
    needed = {"host", "x-amz-date", "x-amz-security-token", "x-amz-target"}
    return (who, parts["Signature"]) == ("nobody", wanted) and needed <= set(names)


Started = Callable[[Answers], Awaitable[SqsWire]]


@pytest.fixture
async def started() -> AsyncIterator[Started]:
    servers: list[TestServer] = []
    async with aiohttp.ClientSession() as http:

        async def start(answers: Answers) -> SqsWire:
            app = web.Application()
            app.add_routes([web.post("/", answers.handle)])
            server = TestServer(app)
            servers.append(server)
            await server.start_server()
            url = str(server.make_url("/"))
            return SqsWire(http, Keys(), url, "eu-west-1", longest_pause_s=0.001)

        yield start
        for server in servers:
            await server.close()


async def test_what_is_sent_is_what_is_signed(started: Started) -> None:
    answers = Answers((200, '{"Messages":[]}'))
    wire = await started(answers)
    asked = {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/q-\u00e9", "WaitTimeSeconds": 0}
    assert await wire.call("ReceiveMessage", asked) == {"Messages": []}
    assert answers.signed == [True]


@pytest.mark.parametrize(
    "passing",
    [
        (503, "<html>a proxy's page</html>"),
        (500, '{"__type":"com.amazonaws.sqs#InternalError"}'),
        (400, '{"__type":"com.amazon.coral.availability#ThrottlingException"}'),
        (403, '{"__type":"com.amazonaws.sqs#OverLimit"}'),
        (400, '{"__type":"com.amazon.coral.service#ExpiredTokenException"}'),
        (429, ""),
    ],
)
async def test_what_fails_in_passing_is_tried_three_times_each_time_signed_anew(
    started: Started, passing: tuple[int, str]
) -> None:
    answers = Answers(passing, passing, (200, ""))
    assert await (await started(answers)).call("DeleteMessageBatch", {}) == {}
    assert answers.signed == [True, True, True]
    with pytest.raises(Unavailable, match="DeleteMessageBatch: SQS says"):
        await (await started(Answers(passing))).call("DeleteMessageBatch", {})


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "com.amazonaws.sqs#QueueDoesNotExist"),
        (403, "com.amazon.coral.service#AccessDeniedException"),
        (403, "com.amazon.coral.service#InvalidClientTokenId"),
        (403, "com.amazon.coral.service#SignatureDoesNotMatch"),
    ],
)
async def test_what_no_retry_helps_against_is_asked_once(
    started: Started, status: int, code: str
) -> None:
    answers = Answers((status, f'{{"__type":"{code}","message":"secret words"}}'))
    with pytest.raises(OurMistake, match=code.rpartition("#")[2]) as raised:
        await (await started(answers)).call("ReceiveMessage", {})
    assert len(answers.signed) == 1
    assert "secret" not in str(raised.value)
