"""People whom erasures say to forget, and how far a task has done so (semantics rule 22)."""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from pipeline.codecs.erasures import PERSON
from pipeline.domain.event_time import HOUR, EventTimeRules

COLUMNS: Final = ("kind", "subject")
"""What is read of an erasure."""

_LONGEST: Final = 48 * HOUR
"""A live session's first row was published less long before its end: a session lasts 25 hours at
most (semantics rule 9), rows are dated an hour ahead at most (rule 19), and clocks differ."""


def oldest_order(watermark: int | None, rules: EventTimeRules) -> int | None:
    """Return when the oldest order was published that can be about a live session, if any is known.

    An order from before a session's first row is not about it: what comes of a person later is
    published as of anybody, and kept out by the views. So neither a task that ran for months nor
    one without commits has a long way to go.
    """
    if watermark is None:
        return None
    return watermark - 2 * rules.gap - rules.allowed_lateness - _LONGEST


class Forgotten:
    """Orders that a task read, and the offset below which all are done in its published state.

    Orders are offsets of the one partition of ``canvas.erasures.v1``. Deletes of single requests
    are passed over: a session keeps no rows, so nothing can be taken out of it.
    """

    def __init__(self) -> None:
        self.done = 0
        self._read = 0
        self._people: list[int] = []

    def begin(self, done: int) -> None:
        """Take over how far it came; orders from there on are read again."""
        self.done = self._read = done

    def take(self, erasures: pl.DataFrame, end: int) -> None:
        """Take the orders below offset ``end``: the ``COLUMNS`` of erasure.avsc."""
        people = erasures.filter(pl.col("kind") == PERSON)["subject"]
        self._people.extend(people.cast(pl.Int64, strict=False).drop_nulls().to_list())
        self._read = end

    @property
    def under_way(self) -> bool:
        """Whether orders were read that are not done."""
        return self._read != self.done

    def people(self) -> NDArray[np.int64]:
        """Return whom to forget now, by the ids that stand in published records; once."""
        people, self._people = np.unique(np.array(self._people, np.int64)), []
        return people

    def publish(self) -> None:
        """Say that all that follows from the orders read goes out with the next commit."""
        self.done = self._read
