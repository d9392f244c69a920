"""Whether a recomputation finds fewer rows because they were erased, or because they are gone.

What is erased is deleted, and nothing says any more where it was. So the losses are held against
what erasures can have taken (rule 22): a request has one row on ``web_logs``, lies in one session
and in one minute; the sessions of a person are gone from the results themselves. More than that,
and anything from days whose rows may have expired, is refused, with what is missing where.
"""

from typing import Final

import polars as pl

from pipeline.domain.errors import OurMistake
from pipeline.domain.event_time import HOUR
from pipeline.domain.feeds import WEB_LOGS
from pipeline.engine.recompute import Span
from pipeline.sink.recorded import Erasures

SHOWN: Final = 5


class MissingRows:
    """Judges the losses of one run, day after day. ``kept_days`` None: raw rows never expire."""

    def __init__(self, erased: Erasures, kept_days: int | None) -> None:
        self._erased = erased
        self._kept_days = kept_days
        self._sessions = self._requests = self._minutes = 0

    def judge(self, day: Span, sessions: pl.DataFrame, minutes: pl.DataFrame, now: int) -> None:
        """Take the losses (LOSS) of one day, by session id and by minute; ``now`` in microseconds.

        Raises OurMistake if erasures do not account for them.
        """
        if sessions.height + minutes.height == 0:
            return
        if not sum(self._erased):
            raise _refused(sessions, minutes, "nothing was erased")
        if self._kept_days is not None and day.start < now - self._kept_days * 24 * HOUR:
            raise _refused(
                sessions,
                minutes,
                f"rows are kept for {self._kept_days} days, and what was erased of older ones "
                "cannot be told from what has expired",
            )
        self._sessions += sessions.height
        self._requests += int(sessions["requests"].sum())
        # Minutes hold the rows of erased people too, and nothing says how many those were.
        if not self._erased.people:
            own = minutes.filter(pl.col("what").str.starts_with(WEB_LOGS))
            self._minutes += int(own["requests"].sum())
        most = self._erased.requests
        if max(self._sessions, self._requests, self._minutes) > most:
            raise _refused(sessions, minutes, f"{most:,} erased requests do not account for that")


def _refused(sessions: pl.DataFrame, minutes: pl.DataFrame, why: str) -> OurMistake:
    """Return the error: a sentence for each of the first losses, and why they are not accepted."""
    sentences = [
        f"{kind} {loss['what']} would have {loss['has']:,} of its {loss['had']:,} rows."
        for kind, losses in (("Session", sessions), ("Minute", minutes))
        for loss in losses.head(SHOWN).iter_rows(named=True)
    ]
    lost = sessions.height + minutes.height
    more = f" {lost - len(sentences):,} more would lose rows." if lost > len(sentences) else ""
    return OurMistake(
        f"ClickHouse no longer has all rows of that time: {why}. {' '.join(sentences)}{more}"
    )
