"""Parts of keys and members as ``part_kernels`` takes them: worked out once, read for many rows."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.aggregate import part_kernels as kernels
from pipeline.aggregate.arrow_texts import I64, Bytes
from pipeline.aggregate.dimensions.parts import Part
from pipeline.aggregate.few_rows import FewRows

Flags = npt.NDArray[np.bool_]

_COLUMNS: Final = (kernels.TEXT, kernels.NUMBER)
_WRITTEN: Final = (kernels.NUMBER, kernels.NETWORK)


class PartProgram:
    """Numbers parts; each comes behind those that it is made of."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._places: dict[Part, int] = {}
        self._made_of: list[set[int]] = []
        self._columns: dict[Part, int] = {}
        self._lines: list[list[int]] = []
        self._words: list[list[int]] = []
        self._spelled = bytearray()
        self._written = 0
        for part in parts:
            self._add(part)
        self._tables = _Tables(
            np.array(self._lines, np.int64).reshape(-1, kernels.PLACES),
            np.array(self._words, np.int64).reshape(-1, kernels.WORD_PLACES),
            np.frombuffer(bytes(self._spelled), np.uint8),
        )

    def __len__(self) -> int:
        """Return how many parts are numbered."""
        return len(self._places)

    def place(self, part: Part) -> int:
        """Return the number of a part."""
        return self._places[part]

    def needs(self, parts: Iterable[Part]) -> Flags:
        """Return which parts must be read if some are asked for."""
        flags = np.zeros(len(self), bool)
        for part in parts:
            flags[list(self._made_of[self._places[part]])] = True
        return flags

    def read(self, rows: FewRows, asked: Flags) -> "PartTexts":
        """Read the parts that are asked for."""
        columns = np.zeros((len(self._columns), kernels.COLUMN_PLACES), np.int64)
        for part, place in self._columns.items():
            if asked[self._places[part]]:
                is_text = part.kind == kernels.TEXT
                columns[place] = rows.columns.addresses(part.column, is_text=is_text)
        count = len(rows.positions)
        texts = np.empty((len(self), count, 2), np.int64)
        room = np.empty((self._written, count, kernels.MOST_WRITTEN), np.uint8)
        kernels.read_parts(*self._tables, columns, rows.positions, rows.traits, asked, texts, room)
        return PartTexts(texts, room)

    def _add(self, part: Part) -> int:
        """Return the number of a part; it comes behind those of what it is made of."""
        if part in self._places:
            return self._places[part]
        of = [self._add(each) for each in part.of]
        line = [0] * kernels.PLACES
        line[kernels.KIND], line[kernels.TRAIT] = part.kind, part.trait
        for place, number in zip((kernels.ONE, kernels.OTHER), of, strict=False):
            line[place] = number
        if part.kind in _COLUMNS:
            line[kernels.ONE] = self._columns.setdefault(part, len(self._columns))
        if part.kind in _WRITTEN:
            line[kernels.ROOM], self._written = self._written, self._written + 1
        line[kernels.FIRST] = len(self._words)
        for word in part.words:
            self._words.append([word.trait, *self._spell(word.asked), *self._spell(word.said)])
        line[kernels.END] = len(self._words)
        self._places[part] = len(self._lines)
        self._made_of.append({len(self._lines)}.union(*(self._made_of[each] for each in of)))
        self._lines.append(line)
        return self._places[part]

    def _spell(self, text: str) -> tuple[int, int]:
        """Return where a text lies and how long it is."""
        data = text.encode()
        self._spelled += data
        return len(self._spelled) - len(data), len(data)


class PartTexts(NamedTuple):
    """Address and length of every part of every row.

    They point into columns, words and ``room``, all of which must outlive them.
    """

    texts: I64
    room: Bytes


class _Tables(NamedTuple):
    lines: I64
    words: I64
    spelled: Bytes
