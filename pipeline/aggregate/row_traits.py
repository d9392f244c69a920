"""Traits of the rows of a batch: of thousands of rows only the few with one are looked at."""

from typing import Final

import numpy as np

from pipeline.aggregate.arrow_texts import I64, Texts
from pipeline.aggregate.batch_columns import BatchColumns
from pipeline.aggregate.counts import Counted
from pipeline.aggregate.dimensions import traits
from pipeline.aggregate.dimensions.parts import I32
from pipeline.aggregate.indexes import TextIndex
from pipeline.aggregate.key_numbers import KeyNumbers
from pipeline.domain.feeds import COURSE_AUDIT, WEB_LOGS, Feed

_LOGGED_IN: Final = 1
_MOST_KNOWN: Final = 100_000


class ActionTraits:
    """The traits of controllers and actions by the numbers of their keys."""

    def __init__(self) -> None:
        self._known = TextIndex()
        self._of_known: I32 = np.zeros(0, np.int32)
        self._of_key: I32 = np.zeros(0, np.int32)

    def of(self, space: int, keys: I64, numbers: KeyNumbers) -> I32:
        """Return the traits of rows by the numbers of their keys, which are of one space."""
        seen = len(self._of_key)
        if len(numbers) > seen:
            new = np.arange(seen, len(numbers))
            found = np.zeros(len(new), np.int32)
            own = np.flatnonzero(numbers.spaces(new) == space)
            found[own] = self._of_texts(numbers.texts(new[own]))
            self._of_key = np.concatenate([self._of_key, found])
        return self._of_key[keys]

    def clear(self) -> None:
        """Forget the numbers of keys, not what is known of their texts."""
        self._of_key = self._of_key[:0]

    def _of_texts(self, texts: Texts) -> I32:
        """Return the traits of controllers and actions; Python sees those alone that are new."""
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
            self._of_known = self._of_known[:0]
        places = self._known.numbers(np.zeros(len(texts.offsets) - 1, np.int64), texts)
        new = np.arange(len(self._of_known), len(self._known))
        if len(new):
            said = self._known.texts(new).series().to_list()
            found = np.array([traits.traits_of_action(text) for text in said], np.int32)
            self._of_known = np.concatenate([self._of_known, found])
        return self._of_known[places]


def column_traits(feed: Feed, batch: BatchColumns, rows: Counted) -> I32:
    """Return the traits that stand in columns, those by which rows are picked out."""
    found = rows.masqueraded * np.int32(traits.MASQUERADED)
    if feed == WEB_LOGS:
        found |= (rows.status == 401) * np.int32(traits.UNAUTHORISED)
        found |= ((rows.status == 403) | (rows.status == 429)) * np.int32(traits.THROTTLED)
        found |= batch.plain("failed_login") * np.int32(traits.FAILED_LOGIN)
        found |= batch.plain("program") * np.int32(traits.PROGRAM)
        return found
    if feed != COURSE_AUDIT:
        found |= (batch.plain("login") == _LOGGED_IN) * np.int32(traits.LOGIN)
    found[batch.having("fact")] |= np.int32(traits.FACT)
    return found
