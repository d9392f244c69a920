"""Ids of 128 bits, all rows at once: session ids, request ids, event keys.

Accepted: 32 hex digits, the dashed form of UUIDs, and either after the last colon of a URN.
Anything else is no id (semantics rule 1).
"""

from typing import Final, NamedTuple, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.codecs.arrow_bytes import Bytes, bytes_of, from_matrix, offsets_of
from pipeline.codecs.keys import binary_values

Words = NDArray[np.uint64]

_DIGITS: Final = 32
_DASHED: Final = 36
_DASHES: Final = (8, 13, 18, 23)
_HEX_PLACES: Final = np.array([at for at in range(_DASHED) if at not in _DASHES])
_NO_DIGIT: Final = 0xFF


def _digit_values() -> Bytes:
    values = np.full(256, _NO_DIGIT, np.uint8)
    for value, digit in enumerate("0123456789abcdef"):
        values[ord(digit)] = values[ord(digit.upper())] = value
    return values


_VALUES: Final = _digit_values()
_PAIRS: Final = np.frombuffer(bytes(range(256)).hex().encode(), np.uint8).reshape(256, 2)


class Ids(NamedTuple):
    """128-bit ids as two words; both are 0 where ``valid`` is false."""

    hi: Words
    lo: Words
    valid: NDArray[np.bool_]


def hex128(column: pl.Series) -> Ids:
    """Read a column of texts."""
    tails = _tails(column)
    lengths = tails.str.len_bytes().fill_null(0).to_numpy()
    raw = np.zeros((len(tails), 16), np.uint8)
    valid = np.zeros(len(tails), bool)
    for length in (_DIGITS, _DASHED):
        rows = np.flatnonzero(lengths == length)
        if rows.size:
            raw[rows], valid[rows] = _read(tails, rows, length)
    words = raw.view(">u8").astype(np.uint64)
    return Ids(words[:, 0], words[:, 1], valid)


def hex32(hi: Words, lo: Words) -> pl.Series:
    """Write ids as 32 lower-case hex digits."""
    return _texts(_digits(hi, lo))


def dashed(hi: Words, lo: Words) -> pl.Series:
    """Write ids as UUIDs: lower-case hex digits with dashes."""
    text = np.full((len(hi), _DASHED), ord("-"), np.uint8)
    text[:, _HEX_PLACES] = _digits(hi, lo)
    return _texts(text)


def _tails(column: pl.Series) -> pl.Series:
    urns = column.str.contains(":", literal=True)
    if not urns.any():
        return column
    tails = column.str.split(":").list.last()
    return tails.zip_with(urns.fill_null(value=False), column)


def _read(texts: pl.Series, rows: NDArray[np.intp], length: int) -> tuple[Bytes, NDArray[np.bool_]]:
    picked = texts if len(rows) == len(texts) else texts.gather(rows)
    data = binary_values(picked)
    start = int(offsets_of(data)[0])
    text = bytes_of(data)[start : start + len(rows) * length].reshape(len(rows), length)
    valid: NDArray[np.bool_] = np.ones(len(rows), bool)
    if length == _DASHED:
        valid &= (text[:, _DASHES] == ord("-")).all(axis=1)
        text = text[:, _HEX_PLACES]
    digits = _VALUES[text]
    valid &= (digits != _NO_DIGIT).all(axis=1)
    digits[~valid] = 0
    pairs: Bytes = (digits[:, 0::2] << np.uint8(4)) | digits[:, 1::2]
    return pairs, valid


def _digits(hi: Words, lo: Words) -> Bytes:
    words = np.empty((len(hi), 2), ">u8")
    words[:, 0], words[:, 1] = hi, lo
    return _PAIRS[words.view(np.uint8)].reshape(len(hi), _DIGITS)


def _texts(text: Bytes) -> pl.Series:
    return cast(pl.Series, pl.from_arrow(from_matrix(text)))
