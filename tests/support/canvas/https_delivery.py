"""Canvas's HTTPS delivery of Live Events: one event a POST, four tries, then it is lost."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import aiohttp

TRIES = 4
ANSWER_S = 15.0


class HttpsDelivery:
    """Posts to one address; between tries it waits ``pause_s``, where Canvas waits minutes."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: str,
        *,
        pause_s: float = 0.05,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._session = session
        self._address = address
        self._pause_s = pause_s
        self._answer_s = answer_s

    async def post(
        self, body: bytes, headers: Mapping[str, str] | None = None, path: str = ""
    ) -> int:
        """Post once; return the status."""
        timeout = aiohttp.ClientTimeout(total=self._answer_s)
        async with self._session.post(
            self._address + path, data=body, headers=headers, timeout=timeout
        ) as reply:
            return reply.status

    async def deliver(self, body: bytes, *, tries: int = TRIES) -> bool:
        """Try as Canvas does; return whether the event arrived."""
        for left in reversed(range(tries)):
            try:
                if 200 <= await self.post(body) < 300:
                    return True
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            if left:
                await asyncio.sleep(self._pause_s)
        return False


def canvas_event(number: int, **metadata: Any) -> dict[str, Any]:
    """Return an event of the Canvas format; different numbers are different events."""
    minutes, seconds = divmod(number, 60)
    return {
        "metadata": {
            "event_name": "asset_accessed",
            "event_time": f"2026-03-02T14:{minutes % 60:02}:{seconds:02}.{number % 1000:03}Z",
            "producer": "canvas",
            "root_account_id": "10000000000001",
            "user_id": f"1000000000{number % 1000:04}",
            "session_id": f"{number % 50 + 1:032x}",
            "request_id": f"00000000-0000-4000-8000-{number:012x}",
            "hostname": "university.instructure.com",
            "http_method": "GET",
            "client_ip": "93.184.216.34",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
            "url": f"https://university.instructure.com/courses/565/pages/{number}",
            **metadata,
        },
        "body": {"asset_id": "10000000000565", "asset_type": "course", "category": "course"},
    }


def as_body(event: Any) -> bytes:
    """Return an event as the body of a post."""
    return json.dumps(event).encode()
