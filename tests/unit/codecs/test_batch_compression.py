"""Batches unfold to what was packed, and never beyond the limit."""

from collections.abc import Callable
from itertools import pairwise

import cramjam
import lz4.frame
import numpy as np
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
from pipeline.codecs.lz4_frame import unfold_plain

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


def address(found: memoryview) -> int:
    return int(np.frombuffer(found, np.uint8).ctypes.data)


@pytest.mark.parametrize("title", PACKS)
def test_batches_that_are_expected_lie_one_behind_the_other(title: str) -> None:
    number, pack = PACKS[title]
    data = [b"".join(b"%d" % place for place in range(count)) for count in (9_000, 10, 7_000)]
    packed = [memoryview(pack(each)) for each in data]
    decompressor = Decompressor()
    for most in (1 << 20, 40_000, 0):
        decompressor.make_room(sum(map(len, packed)), most)
        found = [decompressor.unfold(number, each) for each in packed]
        assert found == data
        for one, following in pairwise(found):
            assert address(one) + len(one) == address(following)


def test_what_was_unfolded_cannot_be_written_to() -> None:
    assert Decompressor().unfold(NONE, memoryview(b"records")).readonly


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("checksums", [False, True])
@given(data=st.binary(max_size=200), repeat=st.integers(0, 2_000))
def test_lz4_frames_of_every_kind_unfold(
    linked: bool,  # noqa: FBT001 - parametrized
    checksums: bool,  # noqa: FBT001 - the same
    data: bytes,
    repeat: int,
) -> None:
    frame = lz4.frame.compress(
        data * repeat,
        block_linked=linked,
        content_checksum=checksums,
        block_checksum=checksums,
        store_size=checksums,
    )
    assert Decompressor().unfold(LZ4, memoryview(frame)) == data * repeat
    room = np.empty(len(data) * repeat, np.uint8).data
    # Blocks that need each other are left to a general decoder; a single block needs none.
    plain = unfold_plain(memoryview(frame), room)
    assert plain == len(room) or (linked and plain is None)
    if len(room):
        assert unfold_plain(memoryview(frame), room[:-1]) is None


@given(st.data(), st.integers(0, 400))
def test_broken_lz4_frames_never_write_outside_their_room(data: st.DataObject, size: int) -> None:
    """What a general decoder would refuse may come out wrong: the batch's checksum tells it."""
    frame = bytearray(lz4.frame.compress(bytes(range(200)) * 2, block_linked=False))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(4, len(frame) - 1))] = data.draw(st.integers(0, 255))
    memory = np.full(size + 64, 7, np.uint8)
    found = unfold_plain(memoryview(frame), memory[:size].data)
    assert found is None or 0 <= found <= size
    assert (memory[size:] == 7).all()


def test_a_compression_nobody_knows_is_said_to_be_unknown() -> None:
    with pytest.raises(UnknownCodec):
        Decompressor().unfold(7, memoryview(b"x"))
