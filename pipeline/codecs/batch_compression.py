"""Decompression of record batches, within a limit.

A batch of a megabyte may unfold to any size: what comes out is written into a buffer of ours, so
no more memory is taken than the limit says. The buffer is used again; growing a new one for every
batch, as decoders do that do not know the size, costs 2.5 times as much for lz4.
"""

import struct
from collections.abc import Callable
from typing import Final

import cramjam

from pipeline.codecs.batch_reader import CorruptBatch

BATCH_LIMIT_BYTES: Final = 64 << 20
"""What one batch may unfold to: 64 times the default limit of a batch on its topic (1 MiB)."""

NONE: Final = 0
GZIP: Final = 1
SNAPPY: Final = 2
LZ4: Final = 3
ZSTD: Final = 4

_FIRST_BYTES: Final = 1 << 20
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
    """Unfolds batches one after the other. Not for two threads at once: it has one buffer."""

    def __init__(self, limit_bytes: int = BATCH_LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self._buffer = memoryview(bytearray(min(_FIRST_BYTES, limit_bytes)))

    def unfold(self, codec: int, body: memoryview) -> bytes:
        """Return the records section of a batch.

        Raises BatchTooLarge, UnknownCodec, CorruptBatch (the bytes are not of this codec).
        """
        if codec == NONE:
            return self._limited(body)
        if codec == SNAPPY:
            return self._snappy(body)
        into = _INTO.get(codec)
        if into is None:
            raise UnknownCodec(f"compression {codec}")
        while True:
            try:
                size = into(body, self._buffer)
            except cramjam.DecompressionError as error:
                if _FULL not in str(error):
                    raise CorruptBatch(str(error)) from error
                self._grow(2 * len(self._buffer))
            else:
                return bytes(self._buffer[:size])

    def _limited(self, body: memoryview) -> bytes:
        if len(body) > self.limit_bytes:
            raise BatchTooLarge(f"{len(body)} bytes")
        return bytes(body)

    def _snappy(self, body: memoryview) -> bytes:
        """Unfold one raw block, or the blocks of Java's framing; each says its size before."""
        blocks = [body]
        if len(body) >= _XERIAL_HEADER_BYTES and bytes(body[: len(_XERIAL)]) == _XERIAL:
            blocks = _xerial_blocks(body)
        parts, total = [], 0
        for block in blocks:
            try:
                size = int(cramjam.snappy.decompress_raw_len(block))
                total += size
                if total > self.limit_bytes:
                    raise BatchTooLarge(f"at least {total} bytes")
                self._grow(size)
                found = cramjam.snappy.decompress_raw_into(block, self._buffer)
            except cramjam.DecompressionError as error:
                raise CorruptBatch(str(error)) from error
            parts.append(bytes(self._buffer[:found]))
        return b"".join(parts)

    def _grow(self, least: int) -> None:
        """Have a buffer of so many bytes, or as many as the limit allows if it is smaller."""
        if least <= len(self._buffer):
            return
        if len(self._buffer) >= self.limit_bytes:
            raise BatchTooLarge(f"more than {self.limit_bytes} bytes")
        self._buffer = memoryview(bytearray(min(least, self.limit_bytes)))


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
