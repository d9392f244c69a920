"""Confluent's wire format: magic byte 0, schema id in four bytes big endian, Avro body."""

import struct
from typing import Final

MAGIC: Final = 0
PREFIX_BYTES: Final = 5
LARGEST_SCHEMA_ID: Final = (1 << 31) - 1
"""Registries hold ids as Java's signed int."""

_PREFIX: Final = struct.Struct(">bi")


def prefix(schema_id: int) -> bytes:
    """Return the five bytes that precede a body of this schema."""
    return _PREFIX.pack(MAGIC, schema_id)


def schema_id_of(value: bytes) -> int | None:
    """Return the schema id a value names; None if it has no such prefix."""
    if len(value) < PREFIX_BYTES or value[0] != MAGIC:
        return None
    return int.from_bytes(value[1:PREFIX_BYTES], "big")
