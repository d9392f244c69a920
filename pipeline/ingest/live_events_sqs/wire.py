"""Signed requests in the protocol of SQS (AWS JSON 1.0), with the credentials of an AWS session.

aiobotocore finds and refreshes the credentials; its general client is left out: it takes 1,440 µs
of CPU for a request of ten messages, this 330 µs, and a message costs two requests out of ten.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
"""

import asyncio
import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp

from pipeline.domain.errors import OurMistake, Unavailable
from pipeline.ingest.live_events_sqs.signing import Signer

_TARGET: Final = "AmazonSQS"
_KIND: Final = "application/x-amz-json-1.0"
_ATTEMPTS: Final = 3
_LONGEST_PAUSE_S: Final = 0.4
_ANSWER_LIMIT_S: Final = 10.0
"""Time for an answer beyond the time that was asked to wait for messages."""

_PASSING: Final = ("throttl", "overlimit", "expired", "timeout", "toomanyrequests", "internal")
"""In codes of refusals that later requests may not meet; credentials are fetched anew."""


class SqsWire:
    """Requests to one endpoint; ``credentials`` are those of an aiobotocore session.

    ``longest_pause_s`` bounds the pause before a request that failed in passing is repeated.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        credentials: Any,
        endpoint: str,
        region: str,
        *,
        longest_pause_s: float = _LONGEST_PAUSE_S,
    ) -> None:
        self._http = http
        self._credentials = credentials
        self._endpoint = endpoint
        self._signer = Signer(endpoint, region)
        self._longest_pause_s = longest_pause_s

    async def call(
        self, operation: str, asked: Mapping[str, Any], *, waits_s: int = 0
    ) -> dict[str, Any]:
        """Return the answer; what fails in passing is tried three times.

        Raises OurMistake for what no retry helps against, Unavailable for everything else.
        """
        body = json.dumps(asked).encode()
        for _ in range(_ATTEMPTS - 1):
            # No frame for retries around it: that takes 60 µs for a request that needs none.
            try:
                return await self._once(operation, body, waits_s)
            except Unavailable:
                await asyncio.sleep(random.uniform(0, self._longest_pause_s))  # noqa: S311 - jitter
        return await self._once(operation, body, waits_s)

    async def _once(self, operation: str, body: bytes, waits_s: int) -> dict[str, Any]:
        try:
            headers = await self._signed(operation, body)
            limit = aiohttp.ClientTimeout(total=waits_s + _ANSWER_LIMIT_S)
            async with self._http.post(
                self._endpoint, data=body, headers=headers, timeout=limit, allow_redirects=False
            ) as reply:
                status, answer = reply.status, _object(await reply.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable(
                f"{operation}: SQS does not answer, {type(error).__name__}"
            ) from error
        if status == 200:
            return answer
        code = str(answer.get("__type", "")).rpartition("#")[2]
        sentence = f"{operation}: SQS says {code or status}"
        passing = any(word in code.lower() for word in _PASSING)
        if 400 <= status < 500 and status != 429 and not passing:
            raise OurMistake(f"{sentence}; look at the queue's address, its policy and the rights")
        raise Unavailable(sentence)

    async def _signed(self, operation: str, body: bytes) -> dict[str, str]:
        keys = await self._credentials.get_frozen_credentials()
        target = f"{_TARGET}.{operation}"
        return self._signer.headers(target, _KIND, body, keys, datetime.now(UTC))


def _object(body: bytes) -> dict[str, Any]:
    """Return a JSON object; an empty one for anything else, such as a proxy's page."""
    try:
        answer = json.loads(body) if body else {}
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
