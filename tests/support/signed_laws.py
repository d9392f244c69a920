"""What holds for any bytes that are posted as a signed Live Event."""

import asyncio
import contextlib
import json
from collections.abc import Coroutine
from typing import Any

from pipeline.domain.event_time import MICROS
from pipeline.ingest.live_events_http.signatures import Refused, event_in, verified_claims
from pipeline.ingest.live_events_http.signing_keys import SigningKeys
from tests.support.canvas.https_delivery import canvas_event
from tests.support.canvas.signing import Signer
from tests.support.fuzz_laws import NOW, check_live_events

SIGNER = Signer()
CLAIMS = [
    json.dumps(document).encode()
    for document in (
        canvas_event(1),
        {"iss": "canvas", "exp": NOW // MICROS + 60, **canvas_event(2)},
        {"nbf": NOW // MICROS, "data": json.dumps(canvas_event(3))},
        {"iat": 1.5, "event": canvas_event(4), "other": 5},
    )
]
TOKENS = [SIGNER.sign(claims) for claims in CLAIMS]


async def _jwks() -> bytes:
    return SIGNER.jwks()


KEYS = SigningKeys(_jwks, monotonic=lambda: 0.0)
asyncio.run(KEYS.load())


def check_signed_post(body: bytes) -> None:
    """As a token it is refused or was signed by us; as verified claims it gives an event or none.

    What it gives is published or dead.
    """
    with contextlib.suppress(Refused):
        assert _without_waiting(verified_claims(body, KEYS)) in CLAIMS
    with contextlib.suppress(Refused):
        check_live_events([event_in(body, NOW)])


def _without_waiting(coroutine: Coroutine[Any, Any, bytes]) -> bytes:
    """Run what never waits: all keys are in memory."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        result: bytes = done.value
        return result
    raise AssertionError("it waits for keys")
