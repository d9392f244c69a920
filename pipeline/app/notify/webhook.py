"""A webhook of anybody's: CloudEvents in JSON, signed.

The signature is ``t=<seconds>,v1=<hex>``: HMAC-SHA256, with the shared secret, of the seconds, a
dot and the body. A receiver computes it over the bytes it got, compares in constant time, and
refuses what is older than a few minutes, so that nobody can send an old message again.
"""

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

import aiohttp

from pipeline.app.notify.book import KINDS, Kind
from pipeline.app.notify.http import post
from pipeline.app.notify.notices import Notice
from pipeline.codecs.cloud_events import SITE

SIGNATURE: Final = "X-Canvas-Telemetry-Signature"
CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"


def signature(secret: bytes, seconds: int, body: bytes) -> str:
    """Return the value of the signature header."""
    said = hmac.new(secret, f"{seconds}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={said}"


class Webhook:
    """Posts every change; ``Idempotency-Key`` is the same whenever a record is sent again."""

    name = "webhook"
    kinds: frozenset[Kind] = frozenset(KINDS)

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        secret: str | None,
        clock_s: Callable[[], float],
        site: str = SITE,
    ) -> None:
        self._session = session
        self._url = url
        self._secret = None if secret is None else secret.encode()
        self._clock_s = clock_s
        self._site = site

    async def send(self, notice: Notice) -> None:
        """Post the notice as a CloudEvent."""
        body = notice.event(self._site)
        headers = {"Content-Type": CONTENT_TYPE, "Idempotency-Key": notice.dedup_key}
        if self._secret is not None:
            headers[SIGNATURE] = signature(self._secret, int(self._clock_s()), body)
        await post(self._session, self._url, body, headers)
