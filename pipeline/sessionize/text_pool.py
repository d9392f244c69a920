"""Texts that are members of sets, each kept once for all sessions, by their hash."""

from typing import Final

import numpy as np

from pipeline.sessionize.arrays import I64, U8, U64
from pipeline.sessionize.hash_index import HashIndex
from pipeline.sessionize.slot_numbers import SlotNumbers
from pipeline.sessionize.text_log import TextLog
from pipeline.sessionize.text_views import TextViews

_SMALLEST: Final = 1 << 10
_SPARSE: Final = 8
"""With so many places a text they are numbered anew."""


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

    def hold(self, hashes: U64, texts: TextViews, rows: I64) -> None:
        """Count a holder for each hash, repetitions included; ``rows`` are those of their texts."""
        places = self._index.get(hashes)
        new = np.flatnonzero(places < 0)
        if len(new):
            distinct, first, which = np.unique(hashes[new], return_index=True, return_inverse=True)
            fresh = self._numbers.take(len(distinct))
            self._grow(self._numbers.end)
            self._text[fresh] = self._texts.append(texts, rows[new[first]])
            self._index.put(distinct, fresh)
            places[new] = fresh[which]
        np.add.at(self._holders, places, 1)

    def release(self, hashes: U64) -> None:
        """Take back a holder for each hash, repetitions included."""
        places = self._index.get(hashes)
        np.subtract.at(self._holders, places, 1)
        left = np.flatnonzero(self._holders[places] == 0)
        if len(left):
            unused, first = np.unique(places[left], return_index=True)
            self._index.delete(hashes[left[first]])
            self._numbers.give_back(unused)
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

    @property
    def memory(self) -> tuple[I64, U8]:
        """The texts by number (``TextLog.memory``)."""
        return self._texts.memory

    def numbers(self, hashes: U64) -> I64:
        """Return the number of each hash's text; each must be held."""
        return self._text[self._index.get(hashes)]

    def _grow(self, needed: int) -> None:
        size = len(self._text)
        if needed <= size:
            return
        while size < needed:
            size *= 2
        text, holders = np.zeros(size, np.int64), np.zeros(size, np.int64)
        text[: len(self._text)], holders[: len(self._holders)] = self._text, self._holders
        self._text, self._holders = text, holders
