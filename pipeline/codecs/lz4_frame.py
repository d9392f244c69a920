"""LZ4 frames as Kafka's producers write them (KIP-57), unfolded block by block.

https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md. A general decoder takes the bytes in
pieces of its own and puts them together again before and after each block: 1.5 times the time.
"""

import struct
from typing import Final

import cramjam

_MAGIC: Final = 0x184D2204
_HEAD: Final = struct.Struct("<IBB")
_SIZE: Final = struct.Struct("<I")

_KIND: Final = 0b1110_0001
_PLAIN: Final = 0b0110_0000
"""Of the flags: version 1, blocks that do not need each other, no dictionary."""

_BLOCK_CHECKSUM: Final = 0x10
_CONTENT_SIZE: Final = 0x08
_CONTENT_CHECKSUM: Final = 0x04
_AS_IT_IS: Final = 1 << 31
"""Of a block's size: it is not compressed."""


def unfold_plain(frame: memoryview, room: memoryview) -> int | None:
    """Write what one frame holds into ``room``; return how many bytes that is.

    None if it does not fit, or the frame is broken or of another kind: a general decoder says
    which. Checksums of the frame are passed over; that of the batch covers it.
    """
    try:
        return _unfold(frame, room)
    except (struct.error, cramjam.DecompressionError):
        return None


def _unfold(frame: memoryview, room: memoryview) -> int | None:
    magic, flags, blocks = _HEAD.unpack_from(frame)
    if magic != _MAGIC or flags & _KIND != _PLAIN:
        return None
    most = 1 << (8 + 2 * (blocks >> 4))
    checksum = 4 if flags & _BLOCK_CHECKSUM else 0
    at = _HEAD.size + (8 if flags & _CONTENT_SIZE else 0) + 1
    found = 0
    while size := _SIZE.unpack_from(frame, at)[0]:
        at += _SIZE.size
        end = at + (size & ~_AS_IT_IS)
        free = room[found : found + most]
        if end > len(frame):
            return None
        if size & _AS_IT_IS:
            if end - at > len(free):
                return None
            free[: end - at] = frame[at:end]
            found += end - at
        else:
            found += cramjam.lz4.decompress_block_into(frame[at:end], free, output_len=len(free))
        at = end + checksum
    at += _SIZE.size + (4 if flags & _CONTENT_CHECKSUM else 0)
    return found if at == len(frame) else None
