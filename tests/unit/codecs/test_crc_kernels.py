"""The processor's checksum is the one of RFC 3720, appendix B.4, and of aiokafka."""

import pytest
from aiokafka.record._crc32c import crc as table_crc32c
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codecs import crc_kernels

crc32c = crc_kernels.crc32c
pytestmark = pytest.mark.skipif(crc32c is None, reason="the processor has no instruction for it")


@given(st.binary(max_size=300), st.integers(0, 16), st.integers(0, 16))
def test_the_checksum_of_any_bytes_at_any_address_is_that_of_the_table(
    data: bytes, before: int, after: int
) -> None:
    assert crc32c is not None
    part = memoryview(data)[before : max(len(data) - after, before)]
    assert crc32c(part) == table_crc32c(bytes(part))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
    ],
)
def test_the_published_checksums_come_out(data: bytes, expected: int) -> None:
    assert crc32c is not None
    assert crc32c(data) == expected
