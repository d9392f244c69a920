"""Where the blocks of an LZ4 frame lie, so that each is unfolded to its place by one call.

A frame decoder keeps blocks in a buffer of its own: half as much time again for Kafka's batches,
whose blocks never refer to each other (KIP-57).

https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md
"""

import struct
from typing import Final, NamedTuple

_MAGIC: Final = b"\x04\x22\x4d\x18"
_WORD: Final = struct.Struct("<I")
_DESCRIPTOR: Final = len(_MAGIC)
_VERSION: Final = 0xC0
_VERSION_1: Final = 0x40
_INDEPENDENT: Final = 0x20
_BLOCK_CHECKSUMS: Final = 0x10
_CONTENT_SIZE: Final = 0x08
_CONTENT_CHECKSUM: Final = 0x04
_RESERVED_OR_DICTIONARY: Final = 0x03
_PLAIN: Final = 0x80000000
"""Bit of a block's length: it is not compressed."""
_SMALLEST_KIND: Final = 4
_LARGEST_KIND: Final = 7


class Lz4Block(NamedTuple):
    """A block's bytes within its frame."""

    start: int
    end: int
    compressed: bool


class Lz4Frame(NamedTuple):
    """Blocks that do not refer to each other; none unfolds to more than ``block_bytes``."""

    blocks: list[Lz4Block]
    block_bytes: int


def lz4_frame(body: memoryview) -> Lz4Frame | None:
    """Return the blocks of a single whole frame; None leaves anything else to a frame decoder."""
    try:
        return _frame(body)
    except (IndexError, struct.error):
        return None


def _frame(body: memoryview) -> Lz4Frame | None:
    flags, kind = body[_DESCRIPTOR], body[_DESCRIPTOR + 1] >> 4
    if (
        bytes(body[:_DESCRIPTOR]) != _MAGIC
        or flags & _VERSION != _VERSION_1
        or not flags & _INDEPENDENT
        or flags & _RESERVED_OR_DICTIONARY
        or not _SMALLEST_KIND <= kind <= _LARGEST_KIND
    ):
        return None
    # Two bytes of descriptor and one of its checksum; Kafka's own checksum covers all of it.
    place = _DESCRIPTOR + 3 + (8 if flags & _CONTENT_SIZE else 0)
    behind = 4 if flags & _BLOCK_CHECKSUMS else 0
    blocks = []
    while (length := _WORD.unpack_from(body, place)[0]) != 0:
        start = place + _WORD.size
        end = start + (length & ~_PLAIN)
        blocks.append(Lz4Block(start, end, not length & _PLAIN))
        place = end + behind
    place += _WORD.size + (4 if flags & _CONTENT_CHECKSUM else 0)
    return Lz4Frame(blocks, 1 << (8 + 2 * kind)) if place == len(body) else None
