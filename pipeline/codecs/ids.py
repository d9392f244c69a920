"""Ids of 128 bits, all rows at once: session ids, request ids, event keys.

Accepted: 32 hex digits, the dashed form of UUIDs, and either after the last colon of a URN.
Anything else is no id (semantics rule 1).
"""

from typing import Final, NamedTuple, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.codecs.arrow_bytes import Bytes, from_matrix
from pipeline.codecs.text_kernels import read_ids
from pipeline.codecs.text_views import TextViews, text_views

Words = NDArray[np.uint64]

_DIGITS: Final = 32
_DASHED: Final = 36
_DASHES: Final = (8, 13, 18, 23)
_HEX_PLACES: Final = np.array([at for at in range(_DASHED) if at not in _DASHES])
_PAIRS: Final = np.frombuffer(bytes(range(256)).hex().encode(), np.uint8).reshape(256, 2)


class Ids(NamedTuple):
    """128-bit ids as two words; both are 0 where ``valid`` is false."""

    hi: Words
    lo: Words
    valid: NDArray[np.bool_]


def hex128(column: pl.Series) -> Ids:
    """Read a column of texts."""
    return ids_of(text_views(column))


def ids_of(texts: TextViews) -> Ids:
    """Read texts where they lie."""
    rows = len(texts.views) // 2
    ids = Ids(np.empty(rows, np.uint64), np.empty(rows, np.uint64), np.empty(rows, bool))
    read_ids(*texts, *ids)
    return ids


def hex32(hi: Words, lo: Words) -> pl.Series:
    """Write ids as 32 lower-case hex digits."""
    return _texts(_digits(hi, lo))


def dashed(hi: Words, lo: Words) -> pl.Series:
    """Write ids as UUIDs: lower-case hex digits with dashes."""
    text = np.full((len(hi), _DASHED), ord("-"), np.uint8)
    text[:, _HEX_PLACES] = _digits(hi, lo)
    return _texts(text)


def _digits(hi: Words, lo: Words) -> Bytes:
    words = np.empty((len(hi), 2), ">u8")
    words[:, 0], words[:, 1] = hi, lo
    return _PAIRS[words.view(np.uint8)].reshape(len(hi), _DIGITS)


def _texts(text: Bytes) -> pl.Series:
    return cast(pl.Series, pl.from_arrow(from_matrix(text)))
