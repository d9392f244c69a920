"""Waiting for a condition; what bounds the wait is the caller's."""

import asyncio
from collections.abc import Callable
from typing import Final

LOOK_S: Final = 0.05


async def until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds."""
    while True:
        if condition():
            return
        await asyncio.sleep(LOOK_S)
