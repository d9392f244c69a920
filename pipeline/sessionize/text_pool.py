"""Texts that are members of sets, each kept once for all sessions, by their hash."""

from typing import Any, Final

import numpy as np
import pyarrow as pa

from pipeline.sessionize.arrays import I64, U64
from pipeline.sessionize.hash_index import HashIndex
from pipeline.sessionize.slot_numbers import SlotNumbers
from pipeline.sessionize.text_log import TextLog

_SMALLEST: Final = 1 << 10
_SPARSE: Final = 8
"""With so many places a text they are numbered anew."""


class KnownTexts:
    """The texts of one batch, found by hash."""

    def __init__(self) -> None:
        self._parts: list[tuple[U64, pa.LargeStringArray]] = []

    def remember(self, hashes: U64, texts: pa.LargeStringArray) -> None:
        """Add texts (no nulls) and their hashes; repetitions do no harm."""
        self._parts.append((hashes, texts))

    def find(self, hashes: U64) -> pa.LargeStringArray:
        """Return the text of each hash; each must have been remembered."""
        known = np.concatenate([part for part, _ in self._parts])
        order = np.argsort(known)
        place = order[np.searchsorted(known, hashes, sorter=order)]
        texts: Any = pa.concat_arrays([part for _, part in self._parts])
        found: pa.LargeStringArray = texts.take(place)
        return found


class TextPool:
    """Counts how many sets hold a text and forgets it with the last."""

    def __init__(self) -> None:
        self._index = HashIndex()
        self._numbers = SlotNumbers()
        self._texts = TextLog()
        self._text: I64 = np.zeros(_SMALLEST, np.int64)
        self._holders: I64 = np.zeros(_SMALLEST, np.int64)

    def __len__(self) -> int:
        return self._index.size

    def hold(self, hashes: U64, known: KnownTexts) -> None:
        """Count a holder for each hash, repetitions included."""
        distinct, holders = np.unique(hashes, return_counts=True)
        places = self._index.get(distinct)
        new = np.flatnonzero(places < 0)
        if len(new):
            fresh = self._numbers.take(len(new))
            self._grow(self._numbers.end)
            self._text[fresh] = self._texts.append(known.find(distinct[new]))
            self._index.put(distinct[new], fresh)
            places[new] = fresh
        self._holders[places] += holders

    def release(self, hashes: U64) -> None:
        """Take back a holder for each hash, repetitions included."""
        distinct, holders = np.unique(hashes, return_counts=True)
        places = self._index.get(distinct)
        self._holders[places] -= holders
        unused = self._holders[places] == 0
        if unused.any():
            self._index.delete(distinct[unused])
            self._numbers.give_back(places[unused])
        if len(self._text) > max(_SMALLEST, _SPARSE * len(self)):
            self._pack()
        if self._texts.wasteful(len(self)):
            held = np.flatnonzero(self._holders)
            self._text[held] = self._texts.rewrite(self._text[held])

    def _pack(self) -> None:
        hashes, places = self._index.items()
        text, holders = self._text[places], self._holders[places]
        self._numbers = SlotNumbers(len(places))
        self._text, self._holders = np.zeros(_SMALLEST, np.int64), np.zeros(_SMALLEST, np.int64)
        self._grow(len(places))
        self._text[: len(places)], self._holders[: len(places)] = text, holders
        self._index.put(hashes, np.arange(len(places)))

    def find(self, hashes: U64) -> pa.LargeStringArray:
        """Return the text of each hash; each must be held."""
        return self._texts.read(self._text[self._index.get(hashes)])

    def _grow(self, needed: int) -> None:
        size = len(self._text)
        if needed <= size:
            return
        while size < needed:
            size *= 2
        text, holders = np.zeros(size, np.int64), np.zeros(size, np.int64)
        text[: len(self._text)], holders[: len(self._holders)] = self._text, self._holders
        self._text, self._holders = text, holders
