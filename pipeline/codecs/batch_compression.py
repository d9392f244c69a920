"""Decompression of record batches, within a limit.

A batch of a megabyte may unfold to any size: what comes out is written into a buffer of ours, so
no more memory is taken than the limit says. Batches lie one behind the other in it, so that a
chunk of many is one piece of memory without being joined: 353 bytes a row were copied twice,
which cost as much as unfolding them.
"""

import struct
from collections.abc import Callable
from typing import Final

import cramjam
import numpy as np

from pipeline.codecs.arrow_bytes import Bytes
from pipeline.codecs.batch_reader import CorruptBatch
from pipeline.codecs.lz4_frames import lz4_frame

BATCH_LIMIT_BYTES: Final = 64 << 20
"""What one batch may unfold to: 64 times the default limit of a batch on its topic (1 MiB)."""

NONE: Final = 0
GZIP: Final = 1
SNAPPY: Final = 2
LZ4: Final = 3
ZSTD: Final = 4

_LEAST_BYTES: Final = 1 << 20
_FIRST_GROWTH: Final = 3.0
_MARGIN: Final = 1.2
"""How much larger batches are expected to become than the last one did."""
_FULL: Final = "failed to write whole buffer"
"""What cramjam says of a buffer that is too small; anything else means broken bytes."""

_XERIAL: Final = b"\x82SNAPPY\x00"
"""Java's snappy writes blocks: this, two versions of 4 bytes, then (length, block) pairs."""

_XERIAL_HEADER_BYTES: Final = 16


class BatchTooLarge(ValueError):
    """A batch unfolds to more than the limit."""


class UnknownCodec(ValueError):
    """A compression this project does not know."""


class Decompressor:
    """Unfolds batches one behind the other into a buffer; what it gave keeps that buffer.

    Not for two threads at once.
    """

    def __init__(self, limit_bytes: int = BATCH_LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self._room = _buffer(0)
        self._growth = _FIRST_GROWTH

    def expect(self, packed_bytes: int, most_bytes: int) -> None:
        """See to it that batches of so many bytes in all, as a rule, unfold into one buffer."""
        self._reserve(min(int(packed_bytes * self._growth * _MARGIN), most_bytes))

    def unfold(self, codec: int, body: memoryview) -> bytes | memoryview:
        """Return the records section of a batch, in memory that nothing else is written to.

        Raises BatchTooLarge, UnknownCodec, CorruptBatch (the bytes are not of this codec).
        """
        if codec == NONE:
            return self._limited(body)
        if codec == SNAPPY:
            return self._taken(body, self._snappy(body))
        into = _INTO.get(codec)
        if into is None:
            raise UnknownCodec(f"compression {codec}")
        size = self._lz4(body) if codec == LZ4 else None
        while size is None:
            room = self._room[: self.limit_bytes]
            try:
                size = into(body, room)
            except cramjam.DecompressionError as error:
                if _FULL not in str(error):
                    raise CorruptBatch(str(error)) from error
                if len(room) >= self.limit_bytes:
                    raise BatchTooLarge(f"more than {self.limit_bytes} bytes") from error
                self._reserve(2 * len(room) + 1)
        return self._taken(body, size)

    def _taken(self, body: memoryview, size: int) -> memoryview:
        if size:
            self._growth = max(size / len(body), 1.0)
        taken, self._room = self._room[:size], self._room[size:]
        return taken.toreadonly()

    def _limited(self, body: memoryview) -> memoryview:
        if len(body) > self.limit_bytes:
            raise BatchTooLarge(f"{len(body)} bytes")
        return body.toreadonly()

    def _lz4(self, body: memoryview) -> int | None:
        """Unfold independent blocks; None: a frame decoder is to do it, or to say what is wrong."""
        frame = lz4_frame(body)
        if frame is None:
            return None
        self._reserve(min(len(frame.blocks) * frame.block_bytes, self.limit_bytes))
        room, size = self._room[: self.limit_bytes], 0
        try:
            for start, end, compressed in frame.blocks:
                into = room[size : size + frame.block_bytes]
                if compressed:
                    size += cramjam.lz4.decompress_block_into(body[start:end], into)
                else:
                    into[: end - start] = body[start:end]
                    size += end - start
        except (cramjam.DecompressionError, ValueError):
            return None
        return size

    def _snappy(self, body: memoryview) -> int:
        """Unfold one raw block, or the blocks of Java's framing; each says its size before."""
        blocks = [body]
        if len(body) >= _XERIAL_HEADER_BYTES and bytes(body[: len(_XERIAL)]) == _XERIAL:
            blocks = _xerial_blocks(body)
        try:
            sizes = [int(cramjam.snappy.decompress_raw_len(block)) for block in blocks]
            if sum(sizes) > self.limit_bytes:
                raise BatchTooLarge(f"{sum(sizes)} bytes")
            self._reserve(sum(sizes))
            size = 0
            for block in blocks:
                size += cramjam.snappy.decompress_raw_into(block, self._room[size:])
        except cramjam.DecompressionError as error:
            raise CorruptBatch(str(error)) from error
        return size

    def _reserve(self, least: int) -> None:
        """Begin another buffer unless there is room for so many bytes."""
        if least > len(self._room):
            self._room = _buffer(max(least, _LEAST_BYTES))


def _buffer(size: int) -> memoryview:
    """Return memory that is not cleared: pages that nobody writes to are never taken."""
    made: Bytes = np.empty(size, np.uint8)
    return made.data


def _xerial_blocks(body: memoryview) -> list[memoryview]:
    blocks, place = [], _XERIAL_HEADER_BYTES
    while place < len(body):
        try:
            (length,) = struct.unpack_from(">i", body, place)
        except struct.error as error:
            raise CorruptBatch("a snappy block without its length") from error
        end = place + 4 + length
        if length < 0 or end > len(body):
            raise CorruptBatch("a snappy block that is cut")
        blocks.append(body[place + 4 : end])
        place = end
    return blocks


_INTO: Final[dict[int, Callable[[memoryview, memoryview], int]]] = {
    GZIP: cramjam.gzip.decompress_into,
    LZ4: cramjam.lz4.decompress_into,
    ZSTD: cramjam.zstd.decompress_into,
}
