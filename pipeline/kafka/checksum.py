"""The checksum of record batches: the fastest one that this processor has."""

from typing import Final

from aiokafka.record.util import calc_crc32c

from pipeline.codecs.batch_reader import Checksum
from pipeline.codecs.crc_kernels import crc32c

checksum: Final[Checksum] = crc32c or calc_crc32c
"""Bytes → CRC-32C; aiokafka's, which reads a table, where there is no instruction for it."""
