"""Texts of plain rows where they lie, and what takes the place of a few of them.

A text is an address and a length, so that one that is replaced may lie anywhere.
"""

from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.codecs import plain_text_kernels as kernels
from pipeline.codecs.arrow_bytes import Bytes, Int64s
from pipeline.codecs.encodable import Flags, TextPlaces
from pipeline.codecs.redaction import WORDS, suspects
from pipeline.codecs.text_views import TextViews, text_column
from pipeline.codecs.web_log_plain import TEXTS, Parsed

_ALL: Final = np.zeros(0, bool)
_LOWER: Final = 0x20
"""The bit that makes letters lower case."""


def _tables() -> tuple[Bytes, Bytes]:
    """Return which two bytes words begin with, and which more, all with the bit of lower case."""
    pairs = np.zeros(kernels.PAIRS, np.uint8)
    beginnings = np.zeros(kernels.BEGINNINGS, np.uint8)
    for word in WORDS:
        low = bytes(byte | _LOWER for byte in word.encode())
        if len(word) == 1:
            pairs[low[0] | np.arange(256) << 8] = kernels.SUFFICES
            continue
        pair = int.from_bytes(low[:2], "little")
        pairs[pair] = max(pairs[pair], kernels.BEGINS if len(word) > 2 else kernels.SUFFICES)
        sizes = [size for size in kernels.SIZES if size <= len(word)]
        if sizes:
            some = np.uint64(int.from_bytes(low[: sizes[-1]], "little"))
            beginnings[kernels.beginning(some)] = 1
    return pairs, beginnings


_PAIRS, _BEGINNINGS = _tables()


class PlainTexts:
    """The texts of all columns of parsed lines; those of lines that are not plain mean nothing."""

    def __init__(self, parsed: Parsed, data: Bytes) -> None:
        self._parsed = parsed
        self._data = data
        shape = (len(TEXTS), len(parsed.plain))
        self._addresses, self._lengths = np.empty(shape, np.int64), np.empty(shape, np.int64)
        kernels.find_texts(parsed.views, data, self._addresses, self._lengths)
        self._there = {name: parsed.there(name) for name in TEXTS}
        self._held: list[pa.Buffer] = []

    def places(self, name: str) -> TextPlaces:
        """Return a column as it is encoded."""
        # Where no text is read nothing is said of it, so that a column may be one without nulls.
        at, there = TEXTS.index(name), self._there[name] | ~self._parsed.plain
        return TextPlaces(
            self._addresses[at],
            self._lengths[at],
            None if there.all() else there,
            (self._parsed, self._data, self._held),
        )

    def given(self, name: str) -> pl.Series:
        """Return a column as it was read; its texts are views."""
        views = self._parsed.views[TEXTS.index(name)]
        there = self._parsed.there(name)
        return text_column(TextViews(views, self._data, _ALL if there.all() else there))

    def suspects(self, name: str) -> Int64s:
        """Return the rows whose text has one of the words that secrets come with."""
        at = TEXTS.index(name)
        found = np.empty(len(self._parsed.plain), bool)
        kernels.find_suspects(self._addresses[at], self._lengths[at], _PAIRS, _BEGINNINGS, found)
        rows = np.flatnonzero(found & self._there[name] & self._parsed.plain)
        return rows[suspects(self.given(name).gather(rows)).to_numpy()] if rows.size else rows

    def replace(self, name: str, rows: Iterable[int], to: Callable[[str], str | None]) -> None:
        """Put what ``to`` says in the place of these rows' texts; None: no text."""
        chosen = np.fromiter(rows, np.int64)
        for row, text in zip(
            chosen.tolist(), self.given(name).gather(chosen).to_list(), strict=True
        ):
            if (new := to(text)) != text:
                self._put(name, row, new)

    def replace_each(self, name: str, to: Callable[[str], str | None]) -> None:
        """Do the same to all rows, asking once for equal texts."""
        at, rows = TEXTS.index(name), len(self._parsed.plain)
        wanted = self._there[name] & self._parsed.plain
        numbers, firsts = np.empty(rows, np.int64), np.empty(rows, np.int64)
        columns = (self._addresses[at], self._lengths[at])
        firsts = firsts[: kernels.number_texts(*columns, wanted, numbers, firsts)]
        different = self.given(name).gather(firsts).to_list()
        for number, text in enumerate(different):
            if (new := to(text)) != text:
                self._put(name, np.flatnonzero(numbers == number), new)

    def _put(self, name: str, rows: "int | Int64s", text: str | None) -> None:
        if text is None:
            self._there[name] = self._there[name].copy()
            self._there[name][rows] = False
            return
        buffer = pa.py_buffer(text.encode())
        self._held.append(buffer)
        at = TEXTS.index(name)
        self._addresses[at, rows], self._lengths[at, rows] = buffer.address, buffer.size

    def are_uuids(self, name: str) -> Flags:
        """Return which texts are UUIDs as they are published."""
        at = TEXTS.index(name)
        fine = np.empty(len(self._parsed.plain), bool)
        kernels.find_uuids(self._addresses[at], self._lengths[at], fine)
        return fine

    def digits(self, name: str) -> tuple[Bytes, Flags]:
        """Return 32 hex digits a row, and where the text of the column is an id."""
        at, rows = TEXTS.index(name), len(self._parsed.plain)
        digits, fine = np.zeros((rows, 4), np.int64), np.empty(rows, bool)
        kernels.write_digits(self._addresses[at], self._lengths[at], digits, fine)
        return digits.view(np.uint8), fine & self._there[name]
