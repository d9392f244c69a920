"""A TCP proxy in front of a server, on a thread of its own; it cuts or silences."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from pipeline.local.ports import LOOPBACK, free_port

T = TypeVar("T")

_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER on, 0 seconds: closing sends a reset, as a firewall does that lost its table."""

_CHUNK: Final = 1 << 16
_LIMIT_S: Final = 10.0


class Proxy:
    """Forwards ``port`` to the port that ``target`` names at each new connection."""

    def __init__(self, target: Callable[[], int]) -> None:
        self.port = free_port()
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._connections: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    def start(self) -> None:
        """Listen; returns when clients can connect."""
        self._thread.start()
        self._wait(self._listen())

    def stop(self) -> None:
        """Close everything and end the thread."""
        if self._thread.is_alive():
            self._wait(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_LIMIT_S)
        self._loop.close()

    def cut(self) -> None:
        """Reset every connection; new ones are taken at once."""
        self._wait(self._cut())

    def silence(self) -> None:
        """Forward nothing: connections stay, and nothing comes."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def speak(self) -> None:
        """Forward again, beginning with what was held back."""
        self._loop.call_soon_threadsafe(self._flows.set)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_LIMIT_S)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)

    async def _end(self) -> None:
        self._server.close()
        await self._cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _cut(self) -> None:
        for writer in list(self._connections):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._connections.add(writer)
        behind: asyncio.StreamWriter | None = None
        try:
            back, behind = await asyncio.open_connection(LOOPBACK, self._target())
            self._connections.add(behind)
            await asyncio.gather(self._pump(reader, behind), self._pump(back, writer))
        except OSError:
            pass  # nobody is behind, or one side is gone: both are closed
        finally:
            for each in (writer, behind):
                if each is not None:
                    self._connections.discard(each)
                    _reset(each)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self._flows.wait()
            writer.write(data)
            await writer.drain()
        raise ConnectionResetError


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
