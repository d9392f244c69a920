"""Decompression of record batches, within a limit.

A batch of a megabyte may unfold to any size: what comes out is written into memory of ours, so no
more is taken than the limit says. Batches that are read together are unfolded one behind the other,
so that nobody copies them to have them in one piece.
"""

import struct
from collections.abc import Callable
from typing import Final

import cramjam
import numpy as np

from pipeline.codecs.batch_reader import CorruptBatch
from pipeline.codecs.lz4_frame import unfold_plain

BATCH_LIMIT_BYTES: Final = 64 << 20
"""What one batch may unfold to: 64 times the default limit of a batch on its topic (1 MiB)."""

NONE: Final = 0
GZIP: Final = 1
SNAPPY: Final = 2
LZ4: Final = 3
ZSTD: Final = 4

_MARGIN: Final = 1.125
_LEAST_BYTES: Final = 64 << 10
"""What is reckoned for batches: as much as for those before them, an eighth and this."""

_BATCH_BYTES: Final = 1 << 20
_RATIO: Final = 3.0
"""Of the first batches: unfolded to packed bytes."""

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
    """Unfolds batches one after the other. Not for two threads at once: it has one block."""

    def __init__(self, limit_bytes: int = BATCH_LIMIT_BYTES) -> None:
        self.limit_bytes = limit_bytes
        self._block = _memory(0)
        self._filled = 0
        self._packed = 0
        self._ratio = _RATIO

    def make_room(self, packed_bytes: int, most_bytes: int) -> None:
        """Begin a block for batches of so many bytes, which may unfold to ``most_bytes``.

        It is a guess by the batches before: a batch that does not fit begins another block.
        """
        if self._packed:
            self._ratio = self._filled / self._packed
        guess = int(packed_bytes * self._ratio * _MARGIN) + _LEAST_BYTES
        self._begin(min(guess, most_bytes + _BATCH_BYTES))

    def unfold(self, codec: int, body: memoryview) -> memoryview:
        """Return the records section of a batch; it lies behind the one before if that had room.

        Raises BatchTooLarge, UnknownCodec, CorruptBatch (the bytes are not of this codec).
        """
        if codec == NONE:
            found = self._as_it_is(body)
        elif codec == SNAPPY:
            found = self._snappy(body)
        else:
            found = self._unfolded(codec, body)
        start, self._filled = self._filled, self._filled + found
        self._packed += len(body)
        return self._block[start : self._filled].toreadonly()

    def _unfolded(self, codec: int, body: memoryview) -> int:
        into = _INTO.get(codec)
        if into is None:
            raise UnknownCodec(f"compression {codec}")
        while True:
            room = self._room()
            try:
                return into(body, room)
            except cramjam.DecompressionError as error:
                if _FULL not in str(error):
                    raise CorruptBatch(str(error)) from error
                self._grow(max(2 * len(room), _BATCH_BYTES))

    def _as_it_is(self, body: memoryview) -> int:
        if len(body) > self.limit_bytes:
            raise BatchTooLarge(f"{len(body)} bytes")
        self._grow(len(body))
        self._room()[: len(body)] = body
        return len(body)

    def _snappy(self, body: memoryview) -> int:
        """Unfold one raw block, or the blocks of Java's framing; each says its size before."""
        blocks = [body]
        if len(body) >= _XERIAL_HEADER_BYTES and bytes(body[: len(_XERIAL)]) == _XERIAL:
            blocks = _xerial_blocks(body)
        try:
            total = sum(int(cramjam.snappy.decompress_raw_len(block)) for block in blocks)
            if total > self.limit_bytes:
                raise BatchTooLarge(f"{total} bytes")
            self._grow(total)
            room, found = self._room(), 0
            for block in blocks:
                found += cramjam.snappy.decompress_raw_into(block, room[found:])
        except cramjam.DecompressionError as error:
            raise CorruptBatch(str(error)) from error
        return found

    def _room(self) -> memoryview:
        """Return what is left of the block, as far as one batch may go."""
        return self._block[self._filled : self._filled + self.limit_bytes]

    def _grow(self, least: int) -> None:
        """Have room for so many bytes, or for as many as the limit allows if that is less."""
        room = len(self._room())
        if least <= room:
            return
        if room >= self.limit_bytes:
            raise BatchTooLarge(f"more than {self.limit_bytes} bytes")
        self._begin(min(max(least, _BATCH_BYTES), self.limit_bytes))

    def _begin(self, size: int) -> None:
        self._block, self._filled, self._packed = _memory(size), 0, 0


def _memory(size: int) -> memoryview:
    """Return memory that nobody has written to: zeros would cost as much as what is unfolded."""
    return np.empty(size, np.uint8).data


def _lz4(body: memoryview, room: memoryview) -> int:
    found = unfold_plain(body, room)
    return int(cramjam.lz4.decompress_into(body, room)) if found is None else found


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
    LZ4: _lz4,
    ZSTD: cramjam.zstd.decompress_into,
}
