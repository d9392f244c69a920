"""What a restore leaves out: people whom erasures say to forget (semantics rule 22)."""

from typing import Final

import polars as pl

from pipeline.codecs.erasures import PERSON
from pipeline.sessionize.record import STATUS, WITHDRAWN

COLUMNS: Final = ("kind", "subject")
"""What is read of an erasure."""

_SETS: Final = ("users", "masquerade_targets")
"""Members of a session that are people; its ``actor`` is whose session it is."""


class Forgotten:
    """The people of the orders read so far, by the ids that stand in published records.

    All orders are read at every restore, deletes of a source among them: a session that was left
    out once stays on its topic as it was, so orders cannot be read from where the last one ended.
    """

    def __init__(self) -> None:
        self._people: list[int] = []

    def take(self, erasures: pl.DataFrame) -> None:
        """Take orders: the ``COLUMNS`` of erasure.avsc."""
        people = erasures.filter(pl.col("kind") == PERSON)["subject"]
        self._people.extend(people.cast(pl.Int64, strict=False).drop_nulls().to_list())

    def left_out(self, sessions: pl.DataFrame) -> pl.DataFrame:
        """Return records of sessions (session.avsc) as a restore takes them.

        Those of a forgotten person are withdrawn, whatever an older record of them says; sessions
        of others lose them as members. Requests of theirs that were counted stay counted.
        """
        if not self._people or not sessions.height:
            return sessions
        theirs = pl.col("actor").is_in(self._people).fill_null(value=False)
        status = pl.when(theirs).then(pl.lit(STATUS[WITHDRAWN])).otherwise("status")
        others = pl.element().filter(~pl.element().is_in(self._people))
        return sessions.with_columns(
            status.alias("status"), *(pl.col(name).list.eval(others) for name in _SETS)
        )
