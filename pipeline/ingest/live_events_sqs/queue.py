"""An SQS queue: receive, delete, put off being given again.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ProfileNotFound

from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.ingest.live_events_sqs.options import PER_REQUEST, SqsOptions
from pipeline.ingest.live_events_sqs.wire import SqsWire

_NAME: Final = "event_name"
_CONNECT_LIMIT_S: Final = 5.0


class Message(NamedTuple):
    """A message; ``handle`` is good for deleting it, ``name`` is its attribute event_name."""

    number: str
    body: str
    handle: str
    name: str | None


class SqsQueue:
    """One queue. Every method raises Unavailable and OurMistake."""

    def __init__(self, wire: SqsWire, url: str) -> None:
        self._wire = wire
        self._url = url

    async def receive(self, *, wait_s: int, visibility_s: int) -> list[Message]:
        """Return up to ten messages, none if none came within ``wait_s``.

        With ``wait_s`` 0 only a part of the queue's servers is asked: none may mean nothing.
        """
        asked = {
            "QueueUrl": self._url,
            "MaxNumberOfMessages": PER_REQUEST,
            "WaitTimeSeconds": wait_s,
            "VisibilityTimeout": visibility_s,
            "MessageAttributeNames": ["All"],
        }
        answer = await self._wire.call("ReceiveMessage", asked, waits_s=wait_s)
        return [_message(message) for message in answer.get("Messages") or ()]

    async def delete(self, messages: Sequence[Message]) -> int:
        """Delete messages; return how many SQS did not delete."""
        return await self._in_batches("DeleteMessageBatch", messages, {})

    async def hide(self, messages: Sequence[Message], for_s: int) -> int:
        """Give messages to nobody for ``for_s`` from now on; return how many SQS did not take."""
        more = {"VisibilityTimeout": for_s}
        return await self._in_batches("ChangeMessageVisibilityBatch", messages, more)

    async def _in_batches(
        self, operation: str, messages: Sequence[Message], more: dict[str, Any]
    ) -> int:
        failed = 0
        for part in _parts(messages):
            entries = [
                {"Id": str(number), "ReceiptHandle": message.handle, **more}
                for number, message in enumerate(part)
            ]
            answer = await self._wire.call(operation, {"QueueUrl": self._url, "Entries": entries})
            failed += len(answer.get("Failed") or ())
        return failed


@asynccontextmanager
async def open_queue(options: SqsOptions) -> AsyncIterator[SqsQueue]:
    """Connect with the credentials that AWS clients find: environment, profile, role.

    Raises OurMistake where there are none, or no region; Unavailable if the role's do not come.
    """
    try:
        session = get_session()
        region = options.queue_region or session.get_config_variable("region")
        credentials = await session.get_credentials()
    except ProfileNotFound as error:
        raise OurMistake(f"AWS credentials: {error}") from error
    except BotoCoreError as error:
        raise Unavailable(f"AWS credentials: {type(error).__name__}") from error
    if credentials is None:
        raise OurMistake("there are no AWS credentials: neither environment, profile nor role")
    if not region:
        raise OurMistake("the queue's address says no region: set AWS_REGION or sqs_region")
    # Deletes and extensions go beside the receives that wait.
    connector = aiohttp.TCPConnector(limit=2 * options.receivers + 2)
    timeout = aiohttp.ClientTimeout(sock_connect=_CONNECT_LIMIT_S)
    proxy = _proxy(options.endpoint)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, proxy=proxy) as http:
        wire = SqsWire(http, credentials, options.endpoint, region)
        yield SqsQueue(wire, options.queue_url)


def _proxy(endpoint: str) -> str | None:
    """Return the proxy that the environment names; looked up once: per request it takes 0.4 ms."""
    parts = urlsplit(endpoint)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def _message(message: dict[str, Any]) -> Message:
    attributes = message.get("MessageAttributes") or {}
    name = attributes.get(_NAME, {}).get("StringValue")
    return Message(
        message.get("MessageId", ""),
        message.get("Body", ""),
        message["ReceiptHandle"],
        name if isinstance(name, str) else None,
    )


def _parts(messages: Sequence[Message]) -> Iterator[Sequence[Message]]:
    for start in range(0, len(messages), PER_REQUEST):
        yield messages[start : start + PER_REQUEST]
