"""Carries result chunks from an engine thread to the event loop, a few at a time."""

import asyncio
import threading
from typing import Final

_IN_FLIGHT: Final = 2
"""Chunks (64 k rows each) that wait for a slow client; the engine stops until they are taken."""

Piece = tuple[str, bytes]


class ClientGoneError(Exception):
    """Nobody takes the result any more."""


class Outlet:
    """A bounded queue; ``put`` blocks in the engine's thread, the other methods are the loop's."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue()
        self._slots = threading.Semaphore(_IN_FLIGHT)
        self._closed = False

    def put(self, form: str, chunk: bytes) -> None:
        """Hand over a chunk; waits for room. Raises ClientGoneError once closed."""
        self._slots.acquire()
        if self._closed:
            raise ClientGoneError
        self._loop.call_soon_threadsafe(self._pieces.put_nowait, (form, chunk))

    def end(self, _done: object = None) -> None:
        """Mark the end of the result."""
        self._pieces.put_nowait(None)

    async def get(self) -> Piece | None:
        """Return the next chunk; None after the last one."""
        piece = await self._pieces.get()
        self._slots.release()
        return piece

    def close(self) -> None:
        """Take no more; wakes the engine's thread."""
        self._closed = True
        self._slots.release()
