"""The end that is asked for in the middle of something long."""

import asyncio


class Stopped(Exception):
    """The process is asked to end; what is committed is in the cursor."""


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait; raise Stopped as soon as the process is asked to end."""
    try:
        await asyncio.wait_for(stopping.wait(), max(seconds, 0.0))
    except TimeoutError:
        return
    raise Stopped
