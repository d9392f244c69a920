"""Signed requests in the protocol of SQS (AWS JSON 1.0), with the credentials of an AWS session.

aiobotocore finds and refreshes the credentials, botocore signs; its general client is left out: it
takes 1,440 µs of CPU for a request of ten messages, this 480 µs, and a message costs two requests
out of ten.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from pipeline.domain.errors import OurMistake, Unavailable

_SERVICE: Final = "sqs"
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
        self._region = region
        self._longest_pause_s = longest_pause_s

    async def call(
        self, operation: str, asked: Mapping[str, Any], *, waits_s: int = 0
    ) -> dict[str, Any]:
        """Return the answer; what fails in passing is tried three times.

        Raises OurMistake for what no retry helps against, Unavailable for everything else.
        """
        body = json.dumps(asked).encode()
        attempts = AsyncRetrying(
            retry=retry_if_exception_type(Unavailable),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.2, max=self._longest_pause_s),
            reraise=True,
        )
        return await attempts(self._once, operation, body, waits_s)

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
        headers = {"X-Amz-Target": f"{_TARGET}.{operation}", "Content-Type": _KIND}
        request = AWSRequest("POST", self._endpoint, data=body, headers=headers)
        keys = await self._credentials.get_frozen_credentials()
        SigV4Auth(keys, _SERVICE, self._region).add_auth(request)
        return dict(request.headers.items())


def _object(body: bytes) -> dict[str, Any]:
    """Return a JSON object; an empty one for anything else, such as a proxy's page."""
    try:
        answer = json.loads(body) if body else {}
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
