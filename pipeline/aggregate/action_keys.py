"""Numbers of keys, and traits, for what rows are about: their controllers and actions."""

from typing import Final

import numpy as np

from pipeline.aggregate.arrays import longer
from pipeline.aggregate.arrow_texts import I64, joined
from pipeline.aggregate.batch_columns import BatchColumns
from pipeline.aggregate.count_kernels import first_rows
from pipeline.aggregate.dimensions import CONTROLLER_ACTION
from pipeline.aggregate.dimensions.parts import column_and_word
from pipeline.aggregate.dimensions.traits import traits_of_action
from pipeline.aggregate.few_rows import I32
from pipeline.aggregate.indexes import PairIndex, TextIndex

SEPARATOR: Final = "#"

_MOST_KNOWN: Final = 100_000
_NONE: Final = 0
"""The one space of texts that are known."""


class ActionKeys:
    """Keys of ``CONTROLLER_ACTION``: ``controller#action``, never joined row by row.

    Texts are known from commit to commit, a day has a few hundred; numbers of keys are not.
    """

    def __init__(self, space: int) -> None:
        self._space = space
        named = [column_and_word(part) for part in CONTROLLER_ACTION.key]
        self._columns = [
            (each[0], np.frombuffer(each[1].encode(), np.uint8)) for each in named if each
        ]
        self._forget()

    def of(self, batch: BatchColumns, keys: TextIndex) -> tuple[I64, I32]:
        """Return the number of every row's key in an index of keys, and the traits of every row."""
        left, right = (
            self._parts.numbers_of_views(_NONE, batch.views(name), word)
            for name, word in self._columns
        )
        pairs, known = self._pairs.numbers(left, right), len(self._text_of_pair)
        if len(self._pairs) > known:
            self._learn(known)
        texts = self._text_of_pair[pairs]
        fresh = texts[first_rows(texts, self._has_key)]
        spaces = np.full(len(fresh), self._space)
        self._keys[fresh] = keys.numbers(spaces, self._texts.texts(fresh))
        return self._keys[texts], self._traits[texts]

    def clear(self) -> None:
        """Forget the numbers of keys, and the texts if they are very many."""
        self._has_key[:] = False
        if len(self._pairs) > _MOST_KNOWN:
            self._forget()

    def _forget(self) -> None:
        self._parts, self._pairs, self._texts = TextIndex(), PairIndex(), TextIndex()
        self._text_of_pair: I64 = np.empty(0, np.int64)
        self._traits: I32 = np.empty(0, np.int32)
        self._keys: I64 = np.empty(0, np.int64)
        self._has_key = np.zeros(0, bool)

    def _learn(self, known: int) -> None:
        """Join the pairs that are new; Python looks at each text once."""
        left, right = self._pairs.left[known:], self._pairs.right[known:]
        whole = joined(self._parts.texts(left), SEPARATOR, self._parts.texts(right))
        numbers = self._texts.numbers(np.full(len(left), _NONE), whole)
        self._text_of_pair = np.concatenate([self._text_of_pair, numbers])
        new = self._texts.texts(np.arange(len(self._traits), len(self._texts)))
        found = [traits_of_action(text) for text in new.series().to_list()]
        self._traits = np.concatenate([self._traits, np.array(found, np.int32)])
        self._keys = longer(self._keys, len(self._texts), filled_with=0)
        self._has_key = longer(self._has_key, len(self._texts), filled_with=False)
