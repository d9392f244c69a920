"""A load client for HTTP: ``python -m bench.http_load --help``; prints one JSON object.

Plain sockets below asyncio, so that it takes a fraction of what the server takes. Without
``--rate`` every connection posts as fast as it is answered; with it posts begin at fixed times, and
a post's time counts from when it should have begun, so that a server that falls behind shows.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import numpy as np

END: Final = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """One kept-alive connection, one post at a time; answers are expected to have no body."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer."""
        self._received += data
        if END in self._received and self._answer is not None:
            status = int(self._received[9:12])
            self._received = b""
            answer, self._answer = self._answer, None
            answer.set_result(status)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the post that waits."""
        if self._answer is not None:
            self._answer.set_exception(exc or ConnectionResetError())

    async def post(self, request: bytes) -> int:
        """Send a whole request; return the status."""
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport is None:
            raise ConnectionResetError
        self._transport.write(request)
        return await self._answer


class Load:
    """Posts bodies in turn for so many seconds."""

    def __init__(self, address: str, bodies: list[bytes], seconds: float) -> None:
        target = urlsplit(address)
        self._host, self._port = target.hostname, target.port
        self._requests = [
            f"POST {target.path} HTTP/1.1\r\nHost: {target.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
            for body in bodies
        ]
        self._seconds = seconds
        self._posted = 0
        self.statuses: Counter[int] = Counter()
        self.latencies_s: list[float] = []

    async def run(self, connections: int, rate: float | None) -> dict[str, Any]:
        """Return what was answered, how fast, and how long it took."""
        loop = asyncio.get_running_loop()
        made = [
            (await loop.create_connection(Connection, self._host, self._port))[1]
            for _ in range(connections)
        ]
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for connection in made:
                group.create_task(self._drive(connection, began, rate))
        took_s = time.monotonic() - began
        percentiles = np.percentile(self.latencies_s, [50, 99, 100]) * 1000
        return {
            "answered": {str(status): count for status, count in self.statuses.items()},
            "per_s": round(len(self.latencies_s) / took_s),
            "seconds": round(took_s, 2),
            **{
                name: round(float(value), 1)
                for name, value in zip(("p50_ms", "p99_ms", "max_ms"), percentiles, strict=True)
            },
        }

    async def _drive(self, connection: Connection, began: float, rate: float | None) -> None:
        while True:
            number, self._posted = self._posted, self._posted + 1
            due = time.monotonic() if rate is None else began + number / rate
            if due >= began + self._seconds:
                return
            if (pause_s := due - time.monotonic()) > 0:
                await asyncio.sleep(pause_s)
            status = await connection.post(self._requests[number % len(self._requests)])
            self.latencies_s.append(time.monotonic() - due)
            self.statuses[status] += 1


def main() -> None:
    """Post for a while, print what came back."""
    parser = argparse.ArgumentParser(prog="python -m bench.http_load", description=__doc__)
    parser.add_argument("address", help="http://host:port/path")
    parser.add_argument("bodies", type=Path, help="file with one body a line")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--rate", type=float, help="posts a second; default: as many as possible")
    given = parser.parse_args()
    load = Load(given.address, given.bodies.read_bytes().splitlines(), given.seconds)
    print(json.dumps(asyncio.run(load.run(given.connections, given.rate))))


if __name__ == "__main__":
    main()
