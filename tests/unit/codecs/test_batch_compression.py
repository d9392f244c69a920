"""Batches unfold to what was packed, and never beyond the limit."""

from collections.abc import Callable

import cramjam
import numpy as np
import pytest
from aiokafka import codec
from hypothesis import given, settings
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
from pipeline.codecs.lz4_frames import lz4_frame

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


@given(
    sizes=st.lists(st.integers(0, 3 << 20), min_size=2, max_size=6),
    titles=st.lists(st.sampled_from(sorted(PACKS)), min_size=6, max_size=6),
)
@settings(max_examples=20)
def test_what_was_unfolded_stays_as_it_is_while_more_is(
    sizes: list[int], titles: list[str]
) -> None:
    decompressor, unfolded = Decompressor(), []
    for size, title in zip(sizes, titles, strict=False):
        number, pack = PACKS[title]
        data = (b"%d" % size * size)[:size]
        unfolded.append((decompressor.unfold(number, memoryview(pack(data))), data))
    assert all(found == data for found, data in unfolded)


def test_batches_that_were_expected_lie_one_behind_the_other() -> None:
    decompressor, data = Decompressor(), b"".join(b"%d" % place for place in range(100_000))
    packed = memoryview(codec.lz4_encode(data))
    decompressor.expect(10 * len(packed), 32 << 20)
    given = [decompressor.unfold(LZ4, packed) for _ in range(9)]
    places = [np.frombuffer(each, np.uint8).ctypes.data for each in given]
    assert places == [places[0] + len(data) * number for number in range(9)]


@given(pieces=st.lists(st.binary(max_size=100), max_size=20), repeat=st.integers(1, 2000))
@pytest.mark.parametrize("checksum", [False, True])
def test_blocks_of_lz4_give_what_a_frame_decoder_gives(
    pieces: list[bytes], repeat: int, *, checksum: bool
) -> None:
    encoder = cramjam.lz4.Compressor(level=1, content_checksum=checksum, block_linked=False)
    encoder.compress(b"".join(pieces) * repeat)
    packed = memoryview(bytes(encoder.finish()))
    frame = lz4_frame(packed)
    assert frame is not None
    room, unfolded = memoryview(bytearray(frame.block_bytes)), b""
    for start, end, compressed in frame.blocks:
        size = cramjam.lz4.decompress_block_into(packed[start:end], room) if compressed else 0
        unfolded += bytes(room[:size]) if compressed else bytes(packed[start:end])
    assert unfolded == bytes(cramjam.lz4.decompress(packed))


@given(st.binary(max_size=40))
def test_any_bytes_are_a_frame_or_none(data: bytes) -> None:
    for body in (data, b"\x04\x22\x4d\x18\x60\x40" + data):
        frame = lz4_frame(memoryview(body))
        assert frame is None or all(end <= len(body) for _, end, _ in frame.blocks)


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
