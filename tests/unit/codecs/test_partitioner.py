"""Keys go where Java's default partitioner would put them."""

import numpy as np
import pyarrow as pa
from aiokafka.partitioner import murmur2 as aiokafka_murmur2
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.codecs.partitioner import murmur2, partition_of

KEYS = st.lists(st.binary(max_size=40))


@given(KEYS)
@example([b""])
@example([b"\xff" * 37, b"", b"a", b"ab", b"abc", b"abcd", b"\x80\x81\x82\x83\x84"])
def test_hashes_equal_aiokafka_s(keys: list[bytes]) -> None:
    hashes = murmur2(pa.array(keys, pa.binary()))
    assert hashes.tolist() == [aiokafka_murmur2(key) for key in keys]


def test_hashes_equal_java_s() -> None:
    """Values from Kafka's own UtilsTest.testMurmur2."""
    cases = {
        b"21": -973932308,
        b"foobar": -790332482,
        b"a-little-bit-long-string": -985981536,
        b"a-little-bit-longer-string": -1486304829,
        b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
        b"abc": 479470107,
    }
    hashes = murmur2(pa.array(list(cases), pa.binary())).astype(np.int32)
    assert hashes.tolist() == list(cases.values())


@given(KEYS, st.integers(1, 100))
def test_partitions_are_the_positive_hash_modulo(keys: list[bytes], partitions: int) -> None:
    found = partition_of(pa.array(keys, pa.binary()), partitions)
    assert found.dtype == np.int32
    expected = [(aiokafka_murmur2(key) & 0x7FFFFFFF) % partitions for key in keys]
    assert found.tolist() == expected


@given(st.lists(st.binary(max_size=20), min_size=3))
def test_a_slice_of_keys_hashes_as_the_slice_alone(keys: list[bytes]) -> None:
    whole = pa.array(keys, pa.binary())
    assert murmur2(whole[1:-1]).tolist() == murmur2(whole).tolist()[1:-1]
