"""128-bit numbers from 32 lower-case hex digits, whole columns at a time."""

from typing import Final

import numpy as np
import polars as pl

from pipeline.domain.errors import OurMistake
from pipeline.sessionize.arrays import U8, U64
from pipeline.sessionize.arrow_columns import large_texts, text_bytes

_NOT_HEX: Final = 255


def _digit_values() -> U8:
    values = np.full(256, _NOT_HEX, np.uint8)
    for value, digit in enumerate(b"0123456789abcdef"):
        values[digit] = value
    return values


_VALUES: Final = _digit_values()


def from_hex(texts: pl.Series) -> tuple[U64, U64]:
    """Return the halves of each number, 0 for null.

    Raises ``OurMistake`` for anything but 32 lower-case hex digits.
    """
    if not len(texts):
        return np.empty(0, np.uint64), np.empty(0, np.uint64)
    digits, offsets = text_bytes(large_texts(texts.fill_null("0" * 32)))
    values = _VALUES[digits]
    if (np.diff(offsets) != 32).any() or (values == _NOT_HEX).any():
        raise OurMistake("An identifier in a session record is not 32 hex digits.")
    pairs = values.reshape(-1, 16, 2)
    halves = np.ascontiguousarray(pairs[:, :, 0] << 4 | pairs[:, :, 1]).view(np.dtype(">u8"))
    return halves[:, 0].astype(np.uint64), halves[:, 1].astype(np.uint64)
