"""Waiting for a condition instead of for a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable

LIMIT_S = 240.0
"""Only a test that fails waits as long: machines differ, conditions that hold come soon."""


async def until(condition: Callable[[], bool | Awaitable[bool]], limit_s: float = LIMIT_S) -> None:
    """Return when the condition holds; fail if it never does."""
    deadline = time.monotonic() + limit_s
    while True:
        held = condition()
        if held if isinstance(held, bool) else await held:
            return
        assert time.monotonic() < deadline, "the condition never held"
        await asyncio.sleep(0.05)
