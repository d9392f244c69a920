"""Whole answers of the brokers out of aiokafka's connections: every private hook of receiving.

aiokafka reads from an ``asyncio.StreamReader``: each byte goes from a fresh ``bytes`` of 256 KiB
into a growing ``bytearray``, from there into the answer, and from there into the record set of its
partition, and the loop pauses and resumes the socket in between. Here a large answer is received
into memory of its own size, and the record sets of a fetch are views of it. Importing this file
changes all of aiokafka's connections.

What replaces what, in ``aiokafka.conn``:

- ``AIOKafkaProtocol`` → ``FrameProtocol``: receives where it says, hands whole frames on.
- ``AIOKafkaConnection._read`` → ``_read``: names the connection to its protocol and waits for the
  end. The stream reader stays for that alone: it is fed nothing but the end or an error.
- ``io`` → ``_Opened``: ``_handle_frame`` opens a frame by ``io.BytesIO``; a ``Frame`` is open.

``HOOKS`` names all of it; a contract test holds it against the installed version.
"""

# ruff: noqa: SLF001 - private names are what this file is about

import asyncio
import io
import struct
import weakref
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from aiokafka import conn
from aiokafka.protocol.fetch import FetchRequest

HOOKS: Final = {
    "aiokafka.conn:AIOKafkaProtocol": ("_stream_reader", "eof_received", "connection_lost"),
    "aiokafka.conn:AIOKafkaConnection": (
        "_read",
        "_reader",
        "_protocol",
        "_requests",
        "_handle_frame",
        "_on_read_task_error",
    ),
}
"""Class → attributes; held against the installed version by a contract test."""

SMALL_BYTES: Final = 16 << 10
"""Answers up to this size, prefix included, are received together and copied out."""

_VIEW_BYTES: Final = 1 << 10
"""Fields of a fetch from this size on are views: record sets, no names."""

_LENGTH: Final = struct.Struct(">i")


class Frame:
    """A large answer, read as aiokafka's decoders read a ``BytesIO``; record sets are views."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._at = 0

    def read(self, size: int) -> bytes | memoryview:
        """Return the next bytes: fewer at the end."""
        part = self._data[self._at : self._at + size]
        self._at += len(part)
        return part if size >= _VIEW_BYTES else bytes(part)


class FrameProtocol(conn.AIOKafkaProtocol, asyncio.BufferedProtocol):  # type: ignore[misc]
    """Receives frames, each a length of four bytes and so many bytes, and hands them on whole."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connection: Callable[[], Any] = _nobody
        self._small = memoryview(bytearray(SMALL_BYTES))
        self._large: memoryview | None = None
        self._filled = 0

    def hand_to(self, connection: Callable[[], Any]) -> None:
        """Name whose answers these are: a weak reference."""
        self._connection = connection

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's signature
        """Return where the next bytes go."""
        return (self._small if self._large is None else self._large)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Take note of what was received; hand over what is whole."""
        self._filled += nbytes
        try:
            if self._large is None:
                self._take_small()
            elif self._filled == len(self._large):
                whole, self._large, self._filled = self._large, None, 0
                self._hand_over(whole)
        except Exception as error:  # noqa: BLE001 - ends the connection, as in aiokafka's own task
            self._connection, self._large, self._filled = _nobody, None, 0
            if (reader := self._stream_reader) is not None:
                reader.set_exception(error)

    def _take_small(self) -> None:
        at, filled = 0, self._filled
        while filled - at >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._small, at)
            if size < 0:
                raise ValueError(f"an answer of {size} bytes")
            end = at + _LENGTH.size + size
            if end - at > SMALL_BYTES:
                begun = self._small[at + _LENGTH.size : filled]
                self._large = np.empty(size, np.uint8).data
                self._large[: len(begun)] = begun
                self._filled = len(begun)
                return
            if end > filled:
                break
            self._hand_over(bytes(self._small[at + _LENGTH.size : end]))
            at = end
        if at:
            self._small[: filled - at] = self._small[at:filled]
        self._filled = filled - at

    def _hand_over(self, frame: bytes | memoryview) -> None:
        connection = self._connection()
        # A closed connection waits for no answer.
        if connection is None or connection._reader is None:
            return
        _, request, _ = connection._requests[0]
        fetched = request is not None and request.API_KEY == FetchRequest.API_KEY
        views = fetched and isinstance(frame, memoryview)
        connection._handle_frame(Frame(memoryview(frame)) if views else bytes(frame))


def _nobody() -> None:
    """Stand in for a connection that is not named yet, or no more."""


class _Opened:
    """What a connection opens its frames with."""

    @staticmethod
    def BytesIO(frame: Frame | bytes) -> Frame | io.BytesIO:  # noqa: N802 - the replaced name
        return frame if isinstance(frame, Frame) else io.BytesIO(frame)


async def _read(connection: "weakref.ref[Any]") -> None:
    """Stand in for the task that reads: ends with the error that ends the connection."""
    there = connection()
    if there is None:
        return
    reader = there._reader
    there._protocol.hand_to(connection)
    del there
    await reader.readexactly(1)


REPLACED: Final = {
    "AIOKafkaProtocol": conn.AIOKafkaProtocol,
    "AIOKafkaConnection._read": conn.AIOKafkaConnection._read,
}
"""aiokafka's own."""

conn.AIOKafkaProtocol = FrameProtocol
conn.AIOKafkaConnection._read = staticmethod(_read)
conn.io = _Opened
