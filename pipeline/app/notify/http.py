"""Posting to a web server, and what its answer means."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import aiohttp

from pipeline.app.notify.channels import Refused
from pipeline.domain.errors import Unavailable

TIMEOUT: Final = aiohttp.ClientTimeout(total=20)
_AGAIN: Final = frozenset({408, 409, 425, 429})
_ANSWER_CHARACTERS: Final = 200


async def post(
    session: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str]
) -> None:
    """Post a body; raise Unavailable (no answer, 5xx, 429, …) or Refused (other than 2xx).

    The address may hold a secret, so only its host is named. Redirects are not followed: the
    signature is for the address that was configured.
    """
    where = host_of(url)
    try:
        async with session.post(
            url, data=body, headers=dict(headers), timeout=TIMEOUT, allow_redirects=False
        ) as answer:
            if answer.ok and answer.status < 300:
                return
            said = (await answer.text(errors="replace"))[:_ANSWER_CHARACTERS]
            status = answer.status
    except (aiohttp.ClientError, OSError) as error:
        raise Unavailable(f"{where} did not answer: {type(error).__name__}") from error
    if status >= 500 or status in _AGAIN:
        raise Unavailable(f"{where} answered {status}: {said}")
    raise Refused(f"{where} answered {status}: {said}")


def host_of(url: str) -> str:
    """Return host and port of an address, without user, password, path: those may be secret."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
