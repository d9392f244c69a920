"""Batches unfold to what was packed, and never beyond the limit."""

from collections.abc import Callable

import cramjam
import pytest
from aiokafka import codec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs.batch_compression import (
    GZIP,
    LZ4,
    NONE,
    SNAPPY,
    ZSTD,
    BatchTooLarge,
    Decompressor,
    UnknownCodec,
)
from pipeline.codecs.batch_reader import CorruptBatch

Pack = Callable[[bytes], bytes]


def twice(pack: Pack) -> Pack:
    """Pack the halves one after the other, as streams that are joined."""
    return lambda data: pack(data[: len(data) // 2]) + pack(data[len(data) // 2 :])


def lz4_with_checksums(data: bytes) -> bytes:
    return bytes(cramjam.lz4.compress(data))


PACKS: dict[str, tuple[int, Pack]] = {
    "none": (NONE, bytes),
    "gzip": (GZIP, codec.gzip_encode),
    "gzip in two members": (GZIP, twice(codec.gzip_encode)),
    "snappy as Java writes it": (SNAPPY, codec.snappy_encode),
    "snappy in one block": (SNAPPY, lambda data: bytes(cramjam.snappy.compress_raw(data))),
    "lz4": (LZ4, codec.lz4_encode),
    "lz4 with checksums and its size": (LZ4, lz4_with_checksums),
    "zstd": (ZSTD, codec.zstd_encode),
    "zstd in two frames": (ZSTD, twice(codec.zstd_encode)),
}


@pytest.mark.parametrize("title", PACKS)
@given(pieces=st.lists(st.binary(max_size=100), max_size=20), repeat=st.integers(1, 500))
def test_what_was_packed_comes_out(title: str, pieces: list[bytes], repeat: int) -> None:
    number, pack = PACKS[title]
    data = b"".join(pieces) * repeat
    assert Decompressor().unfold(number, memoryview(pack(data))) == data


@pytest.mark.parametrize("title", PACKS)
def test_the_limit_is_the_last_byte_that_fits(title: str) -> None:
    number, pack = PACKS[title]
    data = b"".join(b"%d" % place for place in range(300_000))
    packed = memoryview(pack(data))
    assert Decompressor(len(data)).unfold(number, packed) == data
    with pytest.raises(BatchTooLarge):
        Decompressor(len(data) - 1).unfold(number, packed)


@pytest.mark.parametrize("title", PACKS)
def test_a_large_batch_leaves_the_next_one_as_it_is(title: str) -> None:
    number, pack = PACKS[title]
    decompressor = Decompressor(8 << 20)
    for data in (b"small", bytes(3 << 20), b"small again", b""):
        assert decompressor.unfold(number, memoryview(pack(data))) == data


@pytest.mark.parametrize("title", sorted(set(PACKS) - {"none"}))
@pytest.mark.parametrize("left", [0, 1, 10, -1])
def test_bytes_that_are_cut_are_corrupt(title: str, left: int) -> None:
    number, pack = PACKS[title]
    packed = pack(b"".join(b"%d" % place for place in range(100_000)))
    with pytest.raises(CorruptBatch):
        Decompressor().unfold(number, memoryview(packed[:left]))


def test_a_compression_nobody_knows_is_said_to_be_unknown() -> None:
    with pytest.raises(UnknownCodec):
        Decompressor().unfold(7, memoryview(b"x"))
